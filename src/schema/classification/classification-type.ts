import {
  type Classification,
  type FeedbackType,
  feedbackType,
  productArea,
  type Sentiment,
  type Urgency,
  urgency,
} from '../../domain/classification/classification.ts';
import type { SentimentLabel } from '../../domain/classification/sentiment.ts';
import type { AssignedLabel } from '../../domain/classification/taxonomy.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';

const FeedbackTypeEnum = builder.enumType('FeedbackType', {
  description: 'What kind of feedback it is.',
  values: describedValues<FeedbackType>({
    BUG: 'Something does not work.',
    FEATURE_REQUEST: 'Something is missing.',
    IMPROVEMENT: 'Something should be better.',
    QUESTION: 'Somebody wants to know.',
    PRAISE: 'Somebody is pleased.',
    COMPLAINT: 'Somebody is not.',
  }),
});

const UrgencyEnum = builder.enumType('Urgency', {
  description: 'How soon somebody should look.',
  values: describedValues<Urgency>({
    NORMAL: 'In its turn.',
    URGENT: 'Soon: somebody cannot do their work.',
    CRITICAL: 'Now: an outage, lost data, a security hole.',
  }),
});

const SentimentLabelEnum = builder.enumType('SentimentLabel', {
  description: 'How a text feels.',
  values: describedValues<SentimentLabel>({
    NEGATIVE: 'Displeased.',
    NEUTRAL: 'Neither.',
    POSITIVE: 'Pleased.',
    MIXED: 'Both.',
  }),
});

const AssignedLabelType = builder.objectRef<AssignedLabel>('AssignedLabel').implement({
  description: 'A label that a text was given.',
  fields: (t) => ({
    dimension: t.exposeString('dimension', { description: 'Which question it answers.' }),
    label: t.exposeString('label', { description: 'The answer.' }),
    confidence: t.exposeFloat('confidence', {
      description:
        '0..1; 1 where a person said so. A closed dimension always gets a label, so compare with chance, 1 / number of labels: near it the text did not tell.',
    }),
  }),
});

export const ClassificationType = builder.objectRef<Classification>('Classification');

builder.node(ClassificationType, {
  name: 'Classification',
  description: 'The labels of a text in one taxonomy.',
  id: {
    resolve: (classification) => classification.id,
    description: '`node(id)` finds it where a document was classified; what `classify` answers is not stored.',
  },
  loadOne: async (id, { services, caller }) => (await services.classifications.find(caller, [id]))[0] ?? null,
  fields: (t) => ({
    taxonomy: t.exposeString('taxonomy', { description: 'Name of the taxonomy.' }),
    labels: t.field({ type: [AssignedLabelType], description: 'The labels.', resolve: ({ labels }) => [...labels] }),
    confidence: t.exposeFloat('confidence', {
      description:
        '0..1, of the first dimension that has a label. Low means a guess: with six labels, as in the type of feedback, chance alone is 0.17.',
    }),
    reasoning: t.exposeString('reasoning', { nullable: true, description: 'What decided; null where a person did.' }),
    model: t.exposeString('model', { description: 'Id of the model that decided, or "person".' }),
    correctedBy: t.exposeString('correctedBy', {
      nullable: true,
      description: 'The user or key that corrected it; null where nobody has.',
    }),
    classifiedAt: t.expose('classifiedAt', { type: 'DateTime', description: 'When the labels were given.' }),
    type: t.field({
      type: FeedbackTypeEnum,
      nullable: true,
      description: 'What kind of feedback; null in other taxonomies.',
      resolve: feedbackType,
    }),
    productArea: t.string({
      nullable: true,
      description:
        'The part of the product that feedback is about: said by a field such as `productArea` or `component`, by a line of the text, or learned from corrections; null otherwise, and in other taxonomies.',
      resolve: productArea,
    }),
    urgency: t.field({
      type: UrgencyEnum,
      nullable: true,
      description: 'How soon; null in other taxonomies.',
      resolve: urgency,
    }),
  }),
});

export const SentimentType = builder.objectRef<Sentiment>('Sentiment').implement({
  description: 'How a text feels.',
  fields: (t) => ({
    label: t.field({ type: SentimentLabelEnum, description: 'In a word.', resolve: (sentiment) => sentiment.label }),
    score: t.exposeFloat('score', { description: '-1 (displeased) to 1 (pleased).' }),
    confidence: t.exposeFloat('confidence', { description: '0..1; low near a score of 0.' }),
    model: t.exposeString('model', { description: 'Id of the model that decided, or "person".' }),
  }),
});
