import { CompanyIndex, knownCompany } from '../../../../../src/domain/agents/types/scout/companies.ts';
import type { Reading } from '../../../../../src/domain/agents/types/scout/read-signals.ts';
import type { Document, DocumentKind } from '../../../../../src/domain/documents/document.ts';
import { SIGNAL_TYPES } from '../../../../../src/domain/insights/signal.ts';
import type { JsonObject } from '../../../../../src/shared/json.ts';
import { COMPANIES } from './labelled-set.ts';

export const WRITTEN_AT = new Date('2026-06-15T09:00:00Z');

/** A document as the store gives it. */
export function documentOf(given: Partial<Document> & { id: string; text: string }): Document {
  const kind: DocumentKind = given.kind ?? 'TEXT';
  return {
    collectionId: 'col_1',
    externalId: null,
    kind,
    title: null,
    source: {},
    metadata: {},
    language: null,
    contentHash: new Uint8Array(),
    embeddingStatus: 'MISSING',
    embeddingModel: null,
    embeddedAt: null,
    tokenCount: null,
    chunkCount: 0,
    createdAt: WRITTEN_AT,
    updatedAt: WRITTEN_AT,
    ...given,
  };
}

/** The COMPANY documents of the labelled set; the id of each is its key. */
export const COMPANY_DOCUMENTS: readonly Document[] = Object.entries(COMPANIES).map(
  ([id, { name, website, stage }]) => {
    const metadata: JsonObject = stage === undefined ? {} : { stage };
    return documentOf({
      id,
      kind: 'COMPANY',
      externalId: `company-${id}`,
      title: name,
      text: name,
      metadata,
      source: { name, website },
    });
  },
);

/** How a run with the defaults reads. */
export function readingOf(documents: readonly Document[] = COMPANY_DOCUMENTS, given: Partial<Reading> = {}): Reading {
  const companies = documents.map(knownCompany).filter((company) => company !== null);
  const competitors = companies
    .filter(({ isCompetitor }) => isCompetitor)
    .map(({ name }) => name.replace(/ Ltd$/u, ''));
  return {
    companies: new CompanyIndex(companies),
    competitors,
    ourNames: [],
    types: new Set(SIGNAL_TYPES),
    horizonDays: 540,
    minConfidence: 50,
    ...given,
  };
}
