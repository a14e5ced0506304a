import { ForbiddenError } from '../../domain/access/actions.ts';
import type { ModelWork } from '../../domain/integrations/integration.ts';
import type { ResolvedChoice, SettingsView } from '../../domain/integrations/settings-service.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { ModelType } from '../providers/providers.ts';

const ModelChoiceType = builder.objectRef<ResolvedChoice>('ModelChoice').implement({
  description: 'The model of one kind of work.',
  fields: (t) => ({
    primary: t.field({
      type: ModelType,
      description: 'The model that is tried first. A NO_PROVIDER error where it is not there any more.',
      resolve: ({ workspaceId, primary }, _args, { services }) => services.settings.model(workspaceId, primary),
    }),
    fallbacks: t.field({
      type: [ModelType],
      description: 'The models that are tried after it, in this order.',
      resolve: ({ workspaceId, fallbacks }, _args, { services }) =>
        fallbacks.map((id) => services.settings.model(workspaceId, id)),
    }),
    parameters: t.field({
      type: 'JSON',
      description: 'temperature, topP, maxOutputTokens, reasoningEffort: as far as they are set; none for `embed`.',
      resolve: ({ parameters }) => parameters,
    }),
  }),
});

const WORK_DESCRIPTIONS: Readonly<Record<Exclude<ModelWork, 'moderate'>, string>> = {
  embed: 'Vectors of documents and queries.',
  classify: 'Labels of texts; where no model writes, vectors tell them.',
  chat: 'Answers of conversations.',
  agents: 'What agents think and do.',
  summarise: 'Summaries.',
};

const ModelChoicesType = builder.objectRef<SettingsView>('ModelChoices').implement({
  description:
    'Which model does which work, with what to fall back to. Where nothing is chosen it is the first one that can; where there is none, a NO_PROVIDER error.',
  fields: (t) => {
    const work = (name: keyof typeof WORK_DESCRIPTIONS) =>
      t.field({
        type: ModelChoiceType,
        description: WORK_DESCRIPTIONS[name],
        resolve: (settings, _args, { services }) => services.settings.requiredChoice(settings, name),
      });
    return {
      embed: work('embed'),
      classify: work('classify'),
      chat: work('chat'),
      agents: work('agents'),
      summarise: work('summarise'),
      moderate: t.field({
        type: ModelChoiceType,
        nullable: true,
        description: 'Judges whether texts are harmful; null where no model can.',
        resolve: (settings, _args, { services }) => services.settings.choice(settings, 'moderate'),
      }),
    };
  },
});

export const SettingsType = builder.objectRef<SettingsView>('Settings').implement({
  description: 'What a workspace has chosen.',
  fields: (t) => ({
    preferences: t.field({
      type: 'JSON',
      description:
        'The team’s own. Signalbox reads `answers` alone: { persona, tone, instructions }, texts for the prompt of conversations, where a conversation’s own persona goes first.',
      resolve: ({ preferences }) => preferences,
    }),
    policies: t.field({
      type: 'JSON',
      description:
        'Rules. Known ones: `answerCache` (whether the same question may have the answer of a moment ago); `budgets` ({ unknownPrices: "refuse" }: a model whose price is not known is not called while a budget is in force; "allow" otherwise); `requestsPerMinute` and `requestsPerMinutePerKey` (model calls of the workspace and of each API key, in any minute); `suggestedActions` (who suggests what to do next after an answer: "model" by a small call of its own, as by default; "rules", which cost nothing; "off").',
      resolve: ({ policies }) => policies,
    }),
    models: t.field({
      type: ModelChoicesType,
      description: 'The models of each kind of work.',
      resolve: (settings) => settings,
    }),
  }),
});

const UpdateSettingsInput = builder.inputType('UpdateSettingsInput', {
  description:
    'What to change. Each part is merged into what is there (RFC 7386): null takes a key away, what is left out stays.',
  fields: (t) => ({
    preferences: t.field({
      type: 'JSON',
      description: 'Any JSON of the team’s own; `answers` is read, see `Settings.preferences`.',
    }),
    policies: t.field({
      type: 'JSON',
      description:
        'Rules; `answerCache` is true or false, `requestsPerMinute` and `requestsPerMinutePerKey` are whole numbers from 1 to 100,000, `suggestedActions` is "model", "rules" or "off".',
    }),
    models: t.field({
      type: 'JSON',
      description:
        'By kind of work (embed, classify, chat, agents, summarise, moderate): { primary: "<integration>/<model>", fallbacks: ["…"], parameters: { temperature, topP, maxOutputTokens, reasoningEffort } }. `embed` takes no parameters, and its fallbacks are the same model of other integrations.',
    }),
  }),
});

builder.mutationFields((t) => ({
  updateSettings: t.field({
    type: SettingsType,
    description: 'Changes what the workspace has chosen; up to 64 KB in all. Needs SETTINGS_MANAGE.',
    errors: { types: [InvalidInputError, ForbiddenError] },
    args: { input: t.arg({ type: UpdateSettingsInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input }, { services, caller }) => services.settings.update(caller, input),
  }),
}));
