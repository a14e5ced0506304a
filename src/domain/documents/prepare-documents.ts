import { createHash } from 'node:crypto';
import { type InputIssue, InvalidInputError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { storableJson, storableText } from '../../shared/text.ts';
import type { Collection, DocumentKind } from './document.ts';
import type { NewDocument } from './document-store.ts';
import { extractDocument } from './extractors/extract-document.ts';
import { documentIdentifiers } from './identifiers.ts';
import { detectLanguage } from './language.ts';

/** A document as a client sends it. */
export interface DocumentInput {
  externalId?: string | null;
  kind?: DocumentKind | null;
  title?: string | null;
  text?: string | null;
  source?: JsonObject | null;
  metadata?: JsonObject | null;
  createdAt?: Date | null;
}

const MAX_TEXT_CHARACTERS = 1_000_000;
const MAX_TITLE_CHARACTERS = 2_000;
const MAX_EXTERNAL_ID_CHARACTERS = 500;
const MAX_SOURCE_BYTES = 4_000_000;
const MAX_METADATA_BYTES = 64_000;
/** Other work gets its turn after so many documents. */
const DOCUMENTS_PER_TURN = 50;

/**
 * Extracts, cleans and checks documents.
 * @throws InvalidInputError that names every document that cannot be stored; nothing is stored then
 */
export async function prepareDocuments(
  collection: Collection,
  inputs: readonly DocumentInput[],
): Promise<NewDocument[]> {
  const issues: InputIssue[] = [];
  const prepared: NewDocument[] = [];
  const externalIds = new Set<string>();
  for (const [i, input] of inputs.entries()) {
    const found = checkInput(input, externalIds);
    if (found.length > 0) {
      issues.push(...found.map((issue) => ({ ...issue, path: ['documents', String(i), ...issue.path] })));
      continue;
    }
    const document = await prepareDocument(collection, input);
    if (document.text.length > MAX_TEXT_CHARACTERS) {
      issues.push({
        path: ['documents', String(i), 'source'],
        message: `makes a text of more than ${MAX_TEXT_CHARACTERS} characters`,
      });
    } else if (document.text === '' && document.title === null) {
      issues.push({
        path: ['documents', String(i)],
        message: 'has neither a title nor a text, and its source gives none',
      });
    }
    prepared.push(document);
    if (i % DOCUMENTS_PER_TURN === DOCUMENTS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (issues.length > 0) throw new InvalidInputError(issues.slice(0, 100));
  return prepared;
}

function checkInput(input: DocumentInput, externalIds: Set<string>): InputIssue[] {
  const issues: InputIssue[] = [];
  const tooLong = (field: string, length: number, most: number, unit: string) => {
    if (length > most) issues.push({ path: [field], message: `may have ${most} ${unit}, and has ${length}` });
  };
  tooLong('text', input.text?.length ?? 0, MAX_TEXT_CHARACTERS, 'characters');
  tooLong('title', input.title?.length ?? 0, MAX_TITLE_CHARACTERS, 'characters');
  tooLong('source', input.source == null ? 0 : JSON.stringify(input.source).length, MAX_SOURCE_BYTES, 'bytes as JSON');
  tooLong(
    'metadata',
    input.metadata == null ? 0 : JSON.stringify(input.metadata).length,
    MAX_METADATA_BYTES,
    'bytes as JSON',
  );
  for (const field of ['source', 'metadata'] as const) {
    if (input[field] != null && !isJsonObject(input[field]))
      issues.push({ path: [field], message: 'must be a JSON object' });
  }
  if (input.externalId != null) {
    const externalId = storableText(input.externalId);
    if (externalId === '') issues.push({ path: ['externalId'], message: 'must not be empty' });
    tooLong('externalId', externalId.length, MAX_EXTERNAL_ID_CHARACTERS, 'characters');
    if (externalIds.has(externalId)) issues.push({ path: ['externalId'], message: 'stands twice in this call' });
    externalIds.add(externalId);
  }
  return issues;
}

async function prepareDocument(collection: Collection, input: DocumentInput): Promise<NewDocument> {
  const kind = input.kind ?? collection.kind;
  const source = storableJson(input.source ?? {});
  const extracted = extractDocument(kind, { title: input.title, text: input.text, source });
  const title = extracted.title === null ? null : storableText(extracted.title).slice(0, MAX_TITLE_CHARACTERS) || null;
  const text = storableText(extracted.text).trim();
  const externalId = input.externalId == null ? null : storableText(input.externalId);
  return {
    id: newId('Document'),
    collectionId: collection.id,
    externalId,
    identifiers: documentIdentifiers(kind, externalId, source),
    kind,
    title,
    text,
    source,
    metadata: storableJson(input.metadata ?? {}),
    language: await detectLanguage(text),
    contentHash: createHash('sha256')
      .update(`${title ?? ''}\0${text}`)
      .digest(),
    createdAt: input.createdAt ?? null,
  };
}
