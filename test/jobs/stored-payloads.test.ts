import { describe, expect, test } from 'vitest';
import { alertDelivery } from '../../src/domain/alerts/jobs.ts';
import { documentJobs } from '../../src/domain/documents/jobs.ts';
import { importJob } from '../../src/domain/imports/jobs.ts';
import type { JobDefinition } from '../../src/jobs/define-job.ts';

/** Schemas alone are looked at: nothing is run. */
const NO_PARTS = {} as never;
const documents = documentJobs(NO_PARTS);
const OWNER = { apiKeyId: 'key_01m7z0000000000000000000aa', userId: null };

/**
 * Payloads as a release has stored them, each with the definition that reads it today. A job may wait for days, and the
 * release that runs it is a later one: when a payload changes, its line stays, and a line of the new form is added.
 */
const STORED: [string, JobDefinition<never>, object][] = [
  ['0.1 upsert', documents.embed as never, { documentIds: ['doc_1', 'doc_2'], tasks: ['EMBED'], ...OWNER }],
  [
    '0.1 upsert with tasks',
    documents.of('PROCESS_DOCUMENTS') as never,
    { documentIds: ['doc_1'], tasks: ['CLASSIFY', 'INTENT'], ...OWNER },
  ],
  ['0.1 warming', documents.embed as never, { texts: ['where is my parcel'], ...OWNER }],
  [
    '0.1 backfill',
    documents.of('BACKFILL_EMBEDDINGS') as never,
    { isBackfill: true, tasks: ['EMBED'], upTo: 'doc_9', model: 'local/use-lite-768', batchSize: 50, ...OWNER },
  ],
  [
    '0.1 follow-up',
    documents.of('SENTIMENT') as never,
    { documentIds: ['doc_1'], tasks: ['SENTIMENT'], isFollowUp: true, priority: 5, ...OWNER },
  ],
  ['0.1 import', importJob(NO_PARTS) as never, { importId: 'imp_1', phase: 'records', ...OWNER }],
  ['0.1 alert', alertDelivery(NO_PARTS) as never, { task: 'DELIVER_ALERT', alertId: 'alr_1' }],
];

describe('a payload that is stored', () => {
  test.each(STORED)('as %s is read by this release', (_release, definition, payload) => {
    expect(definition.parse(payload)).toMatchObject(payload);
  });

  test.each(STORED)('as %s may hold what only a newer release knows', (_release, definition, payload) => {
    expect(definition.parse({ ...payload, addedLater: { unknown: true } })).toMatchObject(payload);
  });

  test('is refused where its filter has a condition that this release does not know: it would match more', () => {
    const payload = { filter: { kinds: ['TEXT'] }, upTo: 'doc_9', tasks: ['EMBED'], ...OWNER };
    const definition = documents.of('PROCESS_DOCUMENTS');
    expect(definition.parse({ ...payload, filter: { themeIds: ['thm_1'] } })).toMatchObject({
      filter: { themeIds: ['thm_1'] },
    });
    expect(() => definition.parse({ ...payload, filter: { kinds: ['TEXT'], addedLater: true } })).toThrow(/addedLater/);
  });
});
