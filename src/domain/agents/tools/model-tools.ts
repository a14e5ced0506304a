import { z } from 'zod';
import type { JsonObject } from '../../../shared/json.ts';
import { DOCUMENT_KINDS, type Document } from '../../documents/document.ts';
import type { AgentTools, ToolName } from '../agent-tools.ts';

/** A tool as a model is offered it: its arguments, and its result as text. It reads, and changes nothing. */
export interface ModelTool {
  readonly name: ToolName;
  readonly description: string;
  /** All fields are required, as vendors' strict modes want it; what may be left out may be null. */
  readonly schema: z.ZodObject;
  run(tools: AgentTools, given: unknown): Promise<ToolResult>;
}

/** What a call brought: as the model is told it, and the documents whose words stand in that. */
export interface ToolResult {
  text: string;
  documentIds: readonly string[];
}

const READ_MAX = 10;
const DOCUMENT_CHARACTERS = 8_000;
const LISTED_CHARACTERS = 200;

const QUERY = z.string().min(1).max(2_000);
const ID = z.string().min(1).max(100);

function modelTool<Schema extends z.ZodObject>(tool: {
  name: ToolName;
  description: string;
  schema: Schema;
  run(tools: AgentTools, given: z.output<Schema>): Promise<ToolResult>;
}): ModelTool {
  return { ...tool, run: (tools, given) => tool.run(tools, given as z.output<Schema>) };
}

/** Those that may be offered to a model: nothing among them writes, records or asks a model to write. */
export const MODEL_TOOLS: readonly ModelTool[] = [
  modelTool({
    name: 'search',
    description: 'Finds documents by meaning and words. Gives ids, titles and the passage of each that was found.',
    schema: z.strictObject({
      query: QUERY.describe('What to look for, in words that a document would have'),
      kinds: z.array(z.enum(DOCUMENT_KINDS)).max(10).nullable().describe('Of these kinds alone; null: of any'),
      first: z.int().min(1).max(20).describe('How many'),
    }),
    run: async (tools, { query, kinds, first }) => {
      const found = await tools.search(query, { first, filter: { kinds } });
      const told = found.map(
        ({ document, passage }) => `${headOf(document)}\n${passage.slice(0, DOCUMENT_CHARACTERS)}`,
      );
      return { text: told.join('\n\n') || 'Nothing was found.', documentIds: found.map(({ document }) => document.id) };
    },
  }),
  modelTool({
    name: 'list_documents',
    description: 'Lists documents, oldest first, with their ids, titles and beginnings.',
    schema: z.strictObject({
      kinds: z.array(z.enum(DOCUMENT_KINDS)).max(10).nullable().describe('Of these kinds alone; null: of any'),
      after: ID.nullable().describe('The last id of the page before; null: from the first'),
      first: z.int().min(1).max(50).describe('How many'),
    }),
    run: async (tools, { kinds, after, first }) => {
      const documents = await tools.listDocuments({ filter: { kinds }, after, first });
      const told = documents.map((each) => `${headOf(each)}\n${each.text.slice(0, LISTED_CHARACTERS)}`);
      return { text: told.join('\n\n') || 'None.', documentIds: documents.map(({ id }) => id) };
    },
  }),
  modelTool({
    name: 'read_documents',
    description: `Reads documents by their ids, as other tools have given them; up to ${READ_MAX}.`,
    schema: z.strictObject({ ids: z.array(ID).min(1).max(READ_MAX) }),
    run: async (tools, { ids }) => {
      const documents = await tools.readDocuments(ids);
      const missing = ids.filter((id) => !documents.some((document) => document.id === id));
      const told = documents.map((each) => `${headOf(each)}\n${each.text.slice(0, DOCUMENT_CHARACTERS)}`);
      const text = [...told, ...missing.map((id) => `${id}: there is no such document.`)].join('\n\n');
      return { text, documentIds: documents.map(({ id }) => id) };
    },
  }),
  modelTool({
    name: 'find_company',
    description: 'Finds a company by its name or id.',
    schema: z.strictObject({ company: z.string().min(1).max(300) }),
    run: async (tools, { company }) => {
      const found = await tools.findCompany(company);
      if (found === null) return saying('There is no such company, or there are several of that name.');
      return { text: `${headOf(found)}\n${found.text.slice(0, DOCUMENT_CHARACTERS)}`, documentIds: [found.id] };
    },
  }),
  modelTool({
    name: 'similar_companies',
    description: 'Companies like one that you know the id of, the most similar first.',
    schema: z.strictObject({ companyId: ID, first: z.int().min(1).max(20) }),
    run: async (tools, { companyId, first }) => {
      const similar = await tools.similarCompanies(companyId, first);
      return saying(
        similar.map(({ document, score }) => `${score.toFixed(2)} ${headOf(document)}`).join('\n') || 'None.',
      );
    },
  }),
  modelTool({
    name: 'classify',
    description: 'The best label of each text in a taxonomy of the workspace, such as feedback, sentiment or intent.',
    schema: z.strictObject({
      taxonomy: z.string().min(1).max(200),
      texts: z.array(z.string().min(1).max(5_000)).min(1).max(20),
    }),
    run: async (tools, { taxonomy, texts }) => saying(JSON.stringify(await tools.classify(taxonomy, texts))),
  }),
  modelTool({
    name: 'read_series',
    description: 'What the workspace counted by day over the last days: documents, sentiment, classes, usage, cost.',
    schema: z.strictObject({ days: z.int().min(1).max(100) }),
    run: async (tools, { days }) => {
      const series = await tools.readSeries({ until: new Date(), days });
      const told = series.map(({ name, label, points }) => {
        const values = points.map(({ at, value }) => `${at.toISOString().slice(0, 10)} ${Number(value.toFixed(4))}`);
        return `${name} (${label})\n${values.join('\n')}`;
      });
      return saying(told.join('\n\n') || 'Nothing was counted.');
    },
  }),
  modelTool({
    name: 'read_signals',
    description: 'The active signals of a company that you know the id of, newest first.',
    schema: z.strictObject({ companyId: ID }),
    run: async (tools, { companyId }) => {
      const signals = await tools.readSignals(companyId);
      return saying(signals.map((signal) => JSON.stringify(signal as unknown as JsonObject)).join('\n') || 'None.');
    },
  }),
  modelTool({
    name: 'ask',
    description: 'Answers a question from the documents, with the quotes that bear the answer out.',
    schema: z.strictObject({ question: QUERY }),
    run: async (tools, { question }) => {
      const { text, citations } = await tools.ask(question);
      const quotes = citations.map(({ documentId, quote }, i) => `[${i + 1}] ${documentId}: ${quote}`);
      return { text: [text, ...quotes].join('\n'), documentIds: citations.map(({ documentId }) => documentId) };
    },
  }),
];

/** What has no words of documents. */
function saying(text: string): ToolResult {
  return { text, documentIds: [] };
}

function headOf({ id, kind, title, createdAt }: Document): string {
  return `${id} (${kind}, ${createdAt.toISOString().slice(0, 10)}) ${(title ?? '').slice(0, 300)}`.trim();
}
