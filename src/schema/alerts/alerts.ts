import { ForbiddenError } from '../../domain/access/actions.ts';
import { type Alert, type AlertLevel, messageOf, subjectOf } from '../../domain/alerts/alert.ts';
import type { SetWebhook } from '../../domain/alerts/alert-service.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { pageById } from '../paging.ts';

const AlertLevelEnum = builder.enumType('AlertLevel', {
  description: 'How urgent an alert is.',
  values: describedValues<AlertLevel>({ WARNING: '80 % are used.', CRITICAL: '95 % are used.' }),
});

const AlertType = builder.objectRef<Alert>('Alert');

builder.node(AlertType, {
  name: 'Alert',
  description:
    'A budget or an allowance is nearly used up. Raised once a level: again in a budget’s next day or month, or once less was used in between.',
  id: { resolve: (alert) => alert.id },
  loadOne: async (id, { services, caller }) => (await services.alerts.find(caller, [id]))[0] ?? null,
  fields: (t) => ({
    level: t.field({ type: AlertLevelEnum, description: 'How urgent it is.', resolve: (alert) => alert.level }),
    subject: t.string({
      description:
        'For programs: `budget/workspace/DAY`, `budget/<key id>/MONTH` and the like, `meter/EMBEDDINGS` or `meter/LLM_CALLS`.',
      resolve: subjectOf,
    }),
    message: t.string({ description: 'For people: what is used of what, in English.', resolve: messageOf }),
    percent: t.exposeFloat('percent', {
      nullable: true,
      description: 'How much was used when it was raised; both levels may be reached at once.',
    }),
    at: t.field({ type: 'DateTime', description: 'When it was raised.', resolve: (alert) => alert.raisedAt }),
    acknowledgedAt: t.expose('acknowledgedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When somebody said that they have seen it; null until then.',
    }),
  }),
});

const AlertConnection = builder.connectionObject(
  { type: AlertType, name: 'AlertConnection', description: 'A page of alerts.' },
  { name: 'AlertEdge', description: 'An alert in a page.' },
);

builder.queryField('alerts', (t) =>
  t.field({
    type: AlertConnection,
    description: 'What the workspace was warned of, newest first. Needs ANALYTICS_VIEW.',
    complexity: pageComplexity,
    args: {
      ...PAGE_ARGS,
      acknowledged: t.arg.boolean({ description: 'Only those that somebody has seen, or only the others.' }),
    },
    resolve: (_root, args, { services, caller }) =>
      pageById(args, (page) => services.alerts.list(caller, args.acknowledged ?? null, page)),
  }),
);

builder.subscriptionField('alertRaised', (t) =>
  t.field({
    type: AlertType,
    description: 'Alerts of the workspace as they are raised, from now on. Needs ANALYTICS_VIEW.',
    subscribe: (_root, _args, { services, caller, signal }) => services.alerts.raised(caller, signal),
    resolve: (alert) => alert,
  }),
);

const AcknowledgeAlertInput = builder.inputType('AcknowledgeAlertInput', {
  description: 'Which alert somebody has seen.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Id of the alert.' }) }),
});

const WebhookType = builder.objectRef<SetWebhook>('Webhook').implement({
  description: 'Where the workspace’s alerts are sent, signed as the Standard Webhooks specification has it.',
  fields: (t) => ({
    url: t.exposeString('url', { description: 'The address; "" where it was taken away.' }),
    secret: t.exposeString('secret', {
      nullable: true,
      description: 'What the signatures are made with, `whsec_…`. Shown this once: keep it.',
    }),
  }),
});

const SetAlertWebhookInput = builder.inputType('SetAlertWebhookInput', {
  description: 'Where alerts are to be sent.',
  fields: (t) => ({
    url: t.string({
      required: true,
      description: 'An http(s) url of up to 2,048 characters; "" takes the webhook away.',
    }),
  }),
});

builder.mutationFields((t) => ({
  acknowledgeAlert: t.field({
    type: AlertType,
    description: 'Notes that somebody has seen an alert; the first time stays. Needs BUDGETS_MANAGE.',
    errors: { types: [NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: AcknowledgeAlertInput, required: true, description: 'The alert.' }) },
    resolve: (_root, { input }, { services, caller }) => services.alerts.acknowledge(caller, input.id),
  }),
  setAlertWebhook: t.field({
    type: WebhookType,
    description:
      'Says where alerts are sent, in place of any address before, and makes a new secret each time. An alert is sent at least once, and tried for a day. Needs BUDGETS_MANAGE.',
    errors: { types: [InvalidInputError, ForbiddenError] },
    args: { input: t.arg({ type: SetAlertWebhookInput, required: true, description: 'The address.' }) },
    resolve: (_root, { input }, { services, caller }) => services.alerts.setWebhook(caller, input.url),
  }),
}));
