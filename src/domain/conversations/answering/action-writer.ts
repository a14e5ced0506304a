import { z } from 'zod';
import type { ChatMessage } from '../../../plugins/contract.ts';
import { PromptFile } from '../../../shared/prompt-file.ts';
import { storableText } from '../../../shared/text.ts';
import { markedText, markerOf } from '../../gateway/marked-texts.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import { generateObject } from '../../gateway/structured-output.ts';
import type { SuggestedAction } from '../message.ts';
import { ACTION_KINDS, type ActionKind, type AnsweredExchange, checkedActions } from './suggested-actions.ts';

const PROMPT = new PromptFile<'kinds' | 'marker'>(new URL('./actions-prompt.md', import.meta.url));
/** Of each text: what to do next follows from its beginning. */
const SHOWN_CHARACTERS = 4_000;

const SHAPE = z.object({
  actions: z.array(
    z.object({ kind: z.enum(Object.keys(ACTION_KINDS) as ActionKind[]), label: z.string(), text: z.string() }),
  ),
});

/**
 * Suggests actions by one small question to a model that writes.
 * @param model left out: the workspace's choice for chat
 * @throws as `generateObject`
 */
export async function writeActions(
  gateway: ModelGateway,
  call: ModelCall,
  exchange: AnsweredExchange,
  model: string | undefined,
): Promise<SuggestedAction[]> {
  const named = model === undefined ? {} : { model };
  const input = { work: 'chat' as const, messages: actionMessages(exchange), cache: 'off' as const, ...named };
  const { value } = await generateObject(gateway, call, input, { name: 'actions', schema: SHAPE });
  const said = value.actions.map(({ kind, label, text }) => ({
    ...{ kind, label: storableText(label), text: storableText(text) },
  }));
  return checkedActions(said, exchange);
}

function actionMessages({ question, answer }: AnsweredExchange): ChatMessage[] {
  const [asked, said] = [question, answer].map((text) => text.slice(0, SHOWN_CHARACTERS).toWellFormed());
  const marker = markerOf(['actions', asked, said]);
  const kinds = Object.entries(ACTION_KINDS).map(([kind, meaning]) => `  - \`${kind}\`: ${meaning}`);
  const texts = [markedText(marker, 'message', asked ?? ''), markedText(marker, 'answer', said ?? '')];
  return [
    { role: 'system', text: PROMPT.fill({ kinds: kinds.join('\n'), marker }) },
    { role: 'user', parts: [{ kind: 'text', text: texts.join('\n\n') }] },
  ];
}
