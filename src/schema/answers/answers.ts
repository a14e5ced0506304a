import type { Answer } from '../../domain/conversations/answering/answer.ts';
import { builder } from '../builder.ts';
import { DocumentFilter } from '../documents/document-inputs.ts';
import { modelCall } from '../request.ts';
import { CitationType, livingCitations } from './citation.ts';

const AnswerType = builder.objectRef<Answer>('Answer').implement({
  description: 'What the documents say to a question.',
  fields: (t) => ({
    text: t.exposeString('text', {
      description:
        'The answer, in the language of the question, with markers: `[1]` is the citation of that number. Where the documents do not say it, so does the text.',
    }),
    confidence: t.exposeFloat('confidence', {
      description:
        '0..1. By a model that writes: its own figure, lowered by up to a half where the passages found are far from the question, and by the share of its quotes that were not true; 0.2 at the most where none was. By `local/extractive`: how well the best sentence fits, times how near the passages are. 0 where nothing was found.',
    }),
    citations: t.field({
      type: [CitationType],
      description: 'What bears the answer out, in the order of the markers; none where nothing was found.',
      resolve: ({ citations }, _args, { loaders }) => livingCitations(citations, loaders),
    }),
    followUpQuestions: t.exposeStringList('followUpQuestions', {
      description:
        'Up to three that the same documents may answer. By `local/extractive` in English alone, made from what else the passages speak of.',
    }),
    model: t.exposeString('model', {
      description:
        'Id of the model that wrote it; "local/extractive" where its sentences are the documents’ own, word for word.',
    }),
  }),
});

builder.queryField('ask', (t) =>
  t.field({
    type: AnswerType,
    nullable: true,
    complexity: 20,
    description:
      'Answers a question from the workspace’s documents, with citations whose quotes were checked. By the model that the workspace has chosen for `chat`, or the first that writes; where there is none, in sentences of the documents. An answer is kept for 5 minutes, or until a document that it was made from changes. Needs AI_USE and DOCUMENTS_READ. Null, with an error at its path, where the model failed.',
    args: {
      question: t.arg.string({ required: true, description: 'In any language; 1 to 10,000 characters.' }),
      filter: t.arg({ type: DocumentFilter, description: 'Only from these documents.' }),
    },
    resolve: (_root, { question, filter }, context) =>
      context.services.answers.ask(modelCall(context, 'chat', 'DOCUMENTS_READ'), { question, filter: filter ?? null }),
  }),
);
