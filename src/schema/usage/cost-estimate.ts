import type { CostEstimate } from '../../domain/usage/cost-estimate.ts';
import { builder } from '../builder.ts';
import { AiTaskEnum, DocumentFilter } from '../documents/document-inputs.ts';

const CostEstimateType = builder.objectRef<CostEstimate>('CostEstimate').implement({
  description:
    'What work is going to cost. Tokens are counted as OpenAI’s models count them (o200k_base), which is an estimate for models of other vendors; of documents and of more than 200,000 characters a sample is counted.',
  fields: (t) => ({
    lowUsd: t.expose('lowUsd', {
      type: 'Decimal',
      description:
        'Without what is done already: documents that have their vectors or labels, texts whose vectors are kept.',
    }),
    highUsd: t.expose('highUsd', {
      type: 'Decimal',
      description: 'With everything done anew, and long answers. Retries after failures come on top.',
    }),
    tokens: t.exposeInt('tokens', { description: 'Read and written, at the high end.' }),
    model: t.exposeString('model', { description: 'Id of the model that it is estimated for.' }),
    fitsBudget: t.exposeBoolean('fitsBudget', {
      description:
        'Whether the high end fits into what every budget of the workspace and of the calling key has left; true where there is none.',
    }),
  }),
});

builder.queryField('costEstimate', (t) =>
  t.field({
    type: CostEstimateType,
    complexity: 10,
    description:
      'What work is going to cost, before it is done: by the model’s prices, and by the answers of the last 30 days where there are 10 or more. Refused with BAD_INPUT where no price is known. Needs ANALYTICS_VIEW.',
    args: {
      operation: t.arg({ type: AiTaskEnum, required: true, description: 'What is to be done.' }),
      texts: t.arg.stringList({
        description: 'Up to 1,000 texts that are no documents, of 2,000,000 characters all together.',
      }),
      filter: t.arg({
        type: DocumentFilter,
        description: 'Documents; `{}` is all of them. Texts and documents may both be given.',
      }),
      model: t.arg.id({ description: 'The model that the workspace does such work with where it is left out.' }),
    },
    resolve: (_root, args, { services, caller }) => services.costEstimates.estimate(caller, args),
  }),
);
