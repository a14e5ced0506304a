import { ForbiddenError } from '../../domain/access/actions.ts';
import type { WorkspaceTaxonomy } from '../../domain/classification/classification.ts';
import type { TaxonomyDimension, TaxonomyLabel } from '../../domain/classification/taxonomy.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { modelCall } from '../request.ts';
import { ClassificationType, SentimentType } from './classification-type.ts';

const TaxonomyLabelType = builder.objectRef<TaxonomyLabel>('TaxonomyLabel').implement({
  description: 'One answer.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The label.' }),
    description: t.exposeString('description', { description: 'When it fits.' }),
    examples: t.stringList({ description: 'Texts that carry it.', resolve: ({ examples }) => [...examples] }),
  }),
});

const TaxonomyDimensionType = builder.objectRef<TaxonomyDimension>('TaxonomyDimension').implement({
  description: 'One question that is asked of a text.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The question, in a word.' }),
    labels: t.field({ type: [TaxonomyLabelType], description: 'The answers.', resolve: ({ labels }) => [...labels] }),
    multi: t.exposeBoolean('multi', { description: 'Whether a text may have several.' }),
    openEnded: t.exposeBoolean('openEnded', {
      description: 'Whether a text may have none, or one that is not listed.',
    }),
  }),
});

const TaxonomyType = builder.objectRef<WorkspaceTaxonomy>('Taxonomy');

builder.node(TaxonomyType, {
  name: 'Taxonomy',
  description: 'What texts are sorted into.',
  id: { resolve: (taxonomy) => taxonomy.id },
  loadOne: async (id, { services, caller }) => (await services.taxonomies.find(caller, [id]))[0] ?? null,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What `classification(taxonomy)` takes.' }),
    dimensions: t.field({
      type: [TaxonomyDimensionType],
      description: 'Its questions.',
      resolve: ({ dimensions }) => [...dimensions],
    }),
    builtIn: t.exposeBoolean('builtIn', {
      description: 'Whether it comes with the product; such a one cannot be changed.',
    }),
  }),
});

builder.queryFields((t) => ({
  taxonomies: t.field({
    type: [TaxonomyType],
    description: 'Built in: feedback, sentiment, intent, support_priority; then the workspace’s own.',
    resolve: (_root, _args, { services, caller }) => services.taxonomies.list(caller),
  }),
  classify: t.field({
    type: ClassificationType,
    nullable: true,
    complexity: 10,
    description:
      'Labels of a text. Nothing is stored, so `node` does not find the id of the answer. Null where every provider failed. Needs AI_USE.',
    args: {
      title: t.arg.string({ description: 'Its title.' }),
      text: t.arg.string({ required: true, description: '1 to 1,000,000 characters.' }),
      taxonomy: t.arg.string({ defaultValue: 'feedback', description: 'Name of a taxonomy.' }),
    },
    resolve: (_root, { title, text, taxonomy }, context) =>
      context.services.classifications.classifyText(modelCall(context, 'classify', 'AI_USE'), {
        title: title ?? null,
        text,
        taxonomy: taxonomy ?? 'feedback',
      }),
  }),
  sentiment: t.field({
    type: SentimentType,
    nullable: true,
    complexity: 10,
    description: 'How a text feels; nothing is stored. Null where every provider failed. Needs AI_USE.',
    args: { text: t.arg.string({ required: true, description: '1 to 1,000,000 characters.' }) },
    resolve: (_root, { text }, context) =>
      context.services.classifications.sentimentOfText(modelCall(context, 'sentiment', 'AI_USE'), text),
  }),
}));

const TaxonomyLabelInput = builder.inputType('TaxonomyLabelInput', {
  description: 'One answer. A name alone is enough to begin with; a description and examples make it better.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'The label.' }),
    description: t.string({ description: 'When it fits.' }),
    examples: t.stringList({ defaultValue: [], description: 'Texts that carry it; up to 200.' }),
  }),
});

const TaxonomyDimensionInput = builder.inputType('TaxonomyDimensionInput', {
  description: 'One question that is asked of a text.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'The question, in a word.' }),
    multi: t.boolean({ defaultValue: false, description: 'Whether a text may have several answers.' }),
    openEnded: t.boolean({
      defaultValue: false,
      description: 'Whether a text may have none, or one that is not listed.',
    }),
    labels: t.field({
      type: [TaxonomyLabelInput],
      required: true,
      description: '1 to 200; none only where it is open-ended.',
    }),
  }),
});

const UpsertTaxonomyInput = builder.inputType('UpsertTaxonomyInput', {
  description: 'A taxonomy of the workspace’s own.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Replaces the one that has this name.' }),
    dimensions: t.field({ type: [TaxonomyDimensionInput], required: true, description: '1 to 10.' }),
  }),
});

const LabelInput = builder.inputType('LabelInput', {
  description: 'A label.',
  fields: (t) => ({
    dimension: t.string({ required: true, description: 'Which question.' }),
    label: t.string({ required: true, description: 'The answer.' }),
  }),
});

const CorrectClassificationInput = builder.inputType('CorrectClassificationInput', {
  description: 'What a person says of a document.',
  fields: (t) => ({
    documentId: t.id({ required: true, description: 'The document.' }),
    taxonomy: t.string({ defaultValue: 'feedback', description: 'Name of the taxonomy.' }),
    labels: t.field({ type: [LabelInput], required: true, description: 'The right labels.' }),
  }),
});

builder.mutationFields((t) => ({
  upsertTaxonomy: t.field({
    type: TaxonomyType,
    description: 'Makes or replaces a taxonomy. Needs SETTINGS_MANAGE.',
    errors: { types: [InvalidInputError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: UpsertTaxonomyInput, required: true, description: 'The taxonomy.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.taxonomies.upsert(caller, {
        name: input.name,
        dimensions: input.dimensions.map((dimension) => ({
          name: dimension.name,
          multi: dimension.multi ?? false,
          openEnded: dimension.openEnded ?? false,
          labels: dimension.labels.map((label) => ({
            name: label.name,
            description: label.description ?? '',
            examples: label.examples ?? [],
          })),
        })),
      }),
  }),
  correctClassification: t.field({
    type: ClassificationType,
    description: 'A person’s word wins, and teaches the classifier of this workspace at once. Needs DOCUMENTS_WRITE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError] },
    args: {
      input: t.arg({ type: CorrectClassificationInput, required: true, description: 'The document and its labels.' }),
    },
    resolve: (_root, { input }, { services, caller }) =>
      services.classifications.correct(caller, {
        documentId: input.documentId,
        taxonomy: input.taxonomy ?? 'feedback',
        labels: input.labels,
      }),
  }),
}));
