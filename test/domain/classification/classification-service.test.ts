import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import { feedbackType, productArea, urgency } from '../../../src/domain/classification/classification.ts';
import type { ClassificationService } from '../../../src/domain/classification/classification-service.ts';
import { closeKernelRidgeFitting } from '../../../src/domain/classification/kernel-ridge-fitting.ts';
import { TaxonomyService } from '../../../src/domain/classification/taxonomy-service.ts';
import type { Provider } from '../../../src/plugins/contract.ts';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { kindOfId } from '../../../src/shared/ids.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertWorkspace } from '../../support/rows.ts';
import {
  addNote,
  callerOf,
  callOf,
  MODEL,
  note,
  openService,
  openWatchedProvider,
  type WatchedProvider,
} from './classification-fixtures.ts';

let testing: TestDatabase;
let database: Database;
let provider: WatchedProvider;
let service: ClassificationService;
let otherServer: ClassificationService;
let failingServer: ClassificationService;
const closing: (() => Promise<void>)[] = [];
let workspaces = 0;
/** A new workspace for each test. */
let ws: string;

beforeAll(async () => {
  testing = await testDatabase();
  database = testing.database;
  provider = openWatchedProvider(testing.dataDir);
  const failing: Provider = {
    embed: () => Promise.reject(new ProviderError('authentication', 'the key was refused')),
    listModels: (call) => provider.listModels(call),
    check: async () => {},
    close: async () => {},
  };
  const servers = [provider, provider, failing].map((used) => openService(database, used));
  [service, otherServer, failingServer] = servers.map((server) => server.service) as [
    ClassificationService,
    ClassificationService,
    ClassificationService,
  ];
  closing.push(...servers.map((server) => server.close));
  await insertWorkspace(database, 'ws_warm');
  const call = callOf(callerOf('ws_warm'));
  await service.classifyText(call, { title: null, text: 'Warming up', taxonomy: 'feedback' });
  await service.sentimentOfText(call, 'Warming up');
});

afterAll(async () => {
  for (const close of closing) await close();
  await closeKernelRidgeFitting();
  await provider?.close();
  await testing?.close();
});

beforeEach(async () => {
  workspaces += 1;
  ws = `ws_${workspaces}`;
  await insertWorkspace(database, ws);
  provider.requests.length = 0;
});

describe('texts', () => {
  test('get a type, an urgency and a reason without being stored', async () => {
    const text = 'The app crashes with an exception whenever I open the settings page.';
    const found = await service.classifyText(callOf(callerOf(ws)), { title: null, text, taxonomy: 'feedback' });
    if (found === null) throw new Error('nothing was classified');
    expect(kindOfId(found.id)).toBe('Classification');
    expect(found).toMatchObject({ documentId: null, taxonomy: 'feedback', model: MODEL, correctedBy: null });
    expect([feedbackType(found), urgency(found), productArea(found)]).toEqual(['BUG', 'NORMAL', null]);
    expect(found.confidence).toBeGreaterThan(0.3);
    expect(found.reasoning).toMatch(/bug/);
    expect(await service.find(callerOf(ws), [found.id])).toEqual([]);
  });

  test('have a sentiment', async () => {
    const happy = await service.sentimentOfText(callOf(callerOf(ws)), 'I love it, the best tool we ever bought!');
    expect(happy).toMatchObject({ label: 'POSITIVE', model: MODEL });
    expect(happy?.score).toBeGreaterThan(0.2);
  });

  test('that are empty or longer than a million characters are refused before a provider is called', async () => {
    const call = callOf(callerOf(ws));
    for (const text of ['', ' \n\t', 'a'.repeat(1_000_001)]) {
      const refused = service.classifyText(call, { title: null, text, taxonomy: 'feedback' });
      await expect(refused).rejects.toMatchObject({ code: 'BAD_INPUT', issues: [{ path: ['text'] }] });
    }
    expect(provider.requests).toEqual([]);
  });

  test('in a taxonomy that is not there are told so', async () => {
    const asking = service.classifyText(callOf(callerOf(ws)), { title: null, text: 'Hello', taxonomy: 'moods' });
    await expect(asking).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('of a viewer are refused, since viewers may not use models', async () => {
    const asking = service.sentimentOfText(callOf(callerOf(ws, 'VIEWER')), 'Hello');
    await expect(asking).rejects.toMatchObject({ code: 'FORBIDDEN', requiredPermission: 'AI_USE' });
  });

  test('are null, not an error, when every provider failed', async () => {
    const call = callOf(callerOf(ws));
    expect(await failingServer.classifyText(call, { title: null, text: 'Hello', taxonomy: 'feedback' })).toBeNull();
    expect(await failingServer.sentimentOfText(call, 'Hello')).toBeNull();
  });
});

describe('documents', () => {
  test('of a page cost one provider call, and none when they are asked for again', async () => {
    const adding = Array.from({ length: 50 }, (_, i) => addNote(database, ws, `doc_${i}`, `Report ${i} does not load`));
    const notes = await Promise.all(adding);
    const first = callOf(callerOf(ws));
    const classified = await service.classifyDocuments(first, notes, 'feedback');
    expect(classified.size).toBe(50);
    expect(provider.requests.map(({ texts }) => texts.length)).toEqual([50]);
    expect(first.tally.total()).toMatchObject({ calls: 1 });

    for (const server of [service, otherServer]) {
      const again = callOf(callerOf(ws));
      expect(await server.classifyDocuments(again, notes, 'Feedback')).toEqual(classified);
      expect(again.tally.total()).toBeNull();
    }
    expect(provider.requests).toHaveLength(1);
  });

  test('keep the id of their classification, by which it is found in their workspace alone', async () => {
    const before = await addNote(database, ws, 'doc_1', 'How do I change my password?');
    const call = callOf(callerOf(ws));
    const [asked] = [...(await service.classifyDocuments(call, [before], 'feedback')).values()];
    if (asked === undefined) throw new Error('nothing was classified');
    expect(feedbackType(asked)).toBe('QUESTION');

    const text = 'Thank you so much, the new editor is wonderful!';
    const changed = (await service.classifyDocuments(call, [note('doc_1', text)], 'feedback')).get('doc_1');
    expect(changed && feedbackType(changed)).toBe('PRAISE');
    expect(changed?.id).toBe(asked.id);
    expect(await service.find(callerOf(ws), [asked.id])).toMatchObject([{ id: asked.id, documentId: 'doc_1' }]);
    expect(await service.find(callerOf('ws_warm'), [asked.id])).toEqual([]);
  });

  test('say their product area in a field of their own', async () => {
    const billed = await addNote(database, ws, 'doc_1', 'The total is wrong.', { productArea: 'Billing' });
    const found = (await service.classifyDocuments(callOf(callerOf(ws)), [billed], 'feedback')).get('doc_1');
    expect(found && productArea(found)).toBe('Billing');
  });

  test('have a sentiment that is stored with its score, also where a viewer asks', async () => {
    const angry = await addNote(database, ws, 'doc_1', 'I hate this update, it is horrible and useless.');
    const first = await service.sentimentsOf(callOf(callerOf(ws, 'VIEWER')), [angry]);
    expect(first.get('doc_1')).toMatchObject({ label: 'NEGATIVE', model: MODEL });
    expect(first.get('doc_1')?.score).toBeLessThan(-0.2);
    provider.requests.length = 0;
    expect(await otherServer.sentimentsOf(callOf(callerOf(ws)), [angry])).toEqual(first);
    expect(provider.requests).toEqual([]);
  });

  test('that are deleted meanwhile do not keep the others from being stored', async () => {
    const kept = await addNote(database, ws, 'doc_kept', 'The export is slow');
    const notes = [note('doc_gone', 'The import is slow'), kept];
    const both = await service.classifyDocuments(callOf(callerOf(ws)), notes, 'feedback');
    expect([...both.keys()].sort()).toEqual(['doc_gone', 'doc_kept']);
    const id = both.get('doc_kept')?.id ?? '';
    expect(await service.find(callerOf(ws), [id])).toHaveLength(1);
  });

  test('are left out when every provider failed, but those already known are given', async () => {
    const known = await addNote(database, ws, 'doc_known', 'Where is the invoice?');
    const unknown = await addNote(database, ws, 'doc_unknown', 'Where is the receipt?');
    const call = callOf(callerOf(ws));
    await service.classifyDocuments(call, [known], 'intent');
    const given = await failingServer.classifyDocuments(call, [known, unknown], 'intent');
    expect([...given.keys()]).toEqual(['doc_known']);
    const asJob = failingServer.classifyDocuments(call, [known, unknown], 'intent', 'throw');
    await expect(asJob).rejects.toMatchObject({ code: 'PROVIDER_FAILED' });
  });

  test('beyond the allowance of the tier are refused', async () => {
    const notes = Array.from({ length: 1_001 }, (_, i) => note(`doc_${i}`, `Message number ${i}`));
    const asking = service.classifyDocuments(callOf(callerOf(ws, 'OWNER', 'FREE')), notes, 'feedback');
    await expect(asking).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(provider.requests).toEqual([]);
  });
});

describe('a correction', () => {
  const TEXT = 'Our nightly export took nine hours again';
  const PARAPHRASE = 'The export that runs at night needed nine hours once more';
  const LABELS = [
    { dimension: 'type', label: 'Complaint' },
    { dimension: 'urgency', label: 'critical' },
  ];

  async function judge(server: ClassificationService, workspaceId: string, text: string) {
    const call = callOf(callerOf(workspaceId));
    const found = await server.classifyText(call, { title: null, text, taxonomy: 'feedback' });
    return found && [feedbackType(found), urgency(found)];
  }

  test('wins over the model, also after the text has changed', async () => {
    const slow = await addNote(database, ws, 'doc_1', TEXT, { product_area: 'Exports' });
    await service.classifyDocuments(callOf(callerOf(ws)), [slow], 'feedback');
    const correction = await service.correct(callerOf(ws), {
      documentId: 'doc_1',
      taxonomy: 'feedback',
      labels: LABELS,
    });
    expect(correction).toMatchObject({ correctedBy: `key_${ws}`, confidence: 1, model: 'person', documentId: 'doc_1' });
    expect([feedbackType(correction), urgency(correction)]).toEqual(['COMPLAINT', 'CRITICAL']);
    expect(productArea(correction)).toBe('Exports');

    provider.requests.length = 0;
    const changed = note('doc_1', 'Wonderful, thank you very much!');
    const read = await otherServer.classifyDocuments(callOf(callerOf(ws)), [changed], 'feedback');
    expect(read.get('doc_1')).toEqual(correction);
    expect(provider.requests).toEqual([]);
  });

  test('teaches every server of the workspace a paraphrase at once, and no other workspace', async () => {
    const before = await judge(service, ws, PARAPHRASE);
    expect(before).not.toEqual(['COMPLAINT', 'CRITICAL']);
    expect(await judge(otherServer, ws, PARAPHRASE)).toEqual(before);
    await addNote(database, ws, 'doc_1', TEXT);
    await service.correct(callerOf(ws), { documentId: 'doc_1', taxonomy: 'feedback', labels: LABELS });
    expect(await judge(service, ws, PARAPHRASE)).toEqual(['COMPLAINT', 'CRITICAL']);
    expect(await judge(otherServer, ws, PARAPHRASE)).toEqual(['COMPLAINT', 'CRITICAL']);
    expect(await judge(service, 'ws_warm', PARAPHRASE)).toEqual(before);
  });

  test('makes stored labels of similar documents be computed again, from vectors that are known', async () => {
    const similar = await addNote(database, ws, 'doc_2', PARAPHRASE);
    await addNote(database, ws, 'doc_1', TEXT);
    await service.classifyDocuments(callOf(callerOf(ws)), [similar, note('doc_1', TEXT)], 'feedback');
    await service.correct(callerOf(ws), { documentId: 'doc_1', taxonomy: 'feedback', labels: LABELS });
    provider.requests.length = 0;
    const call = callOf(callerOf(ws));
    const again = (await service.classifyDocuments(call, [similar], 'feedback')).get('doc_2');
    expect(again && [feedbackType(again), urgency(again)]).toEqual(['COMPLAINT', 'CRITICAL']);
    expect(call.tally.total()).toMatchObject({ calls: 0, cacheHits: 1 });
    expect(provider.requests).toEqual([]);
  });

  test('made while a model is still thinking is not overwritten by it', async () => {
    const slow = await addNote(database, ws, 'doc_1', TEXT);
    provider.during = () =>
      service.correct(callerOf(ws), { documentId: 'doc_1', taxonomy: 'feedback', labels: LABELS });
    const found = (await service.classifyDocuments(callOf(callerOf(ws)), [slow], 'feedback')).get('doc_1');
    expect(found).toMatchObject({ correctedBy: `key_${ws}`, model: 'person' });
  });

  test('of a sentiment counts too', async () => {
    const dry = await addNote(database, ws, 'doc_1', 'Well, that went as expected.');
    const labels = [{ dimension: 'sentiment', label: 'NEGATIVE' }];
    await service.correct(callerOf(ws), { documentId: 'doc_1', taxonomy: 'sentiment', labels });
    const found = (await service.sentimentsOf(callOf(callerOf(ws)), [dry])).get('doc_1');
    expect(found).toEqual({ label: 'NEGATIVE', score: -1, confidence: 1, model: 'person' });
  });

  test('with labels that the taxonomy does not have is told which there are', async () => {
    await addNote(database, ws, 'doc_1', TEXT);
    const labels = [
      { dimension: 'mood', label: 'bad' },
      { dimension: 'urgency', label: 'soon' },
      { dimension: 'type', label: 'bug' },
      { dimension: 'type', label: 'praise' },
    ];
    const refused = service.correct(callerOf(ws), { documentId: 'doc_1', taxonomy: 'feedback', labels });
    await expect(refused).rejects.toMatchObject({
      code: 'BAD_INPUT',
      issues: [
        { path: ['labels', '0', 'dimension'], message: expect.stringContaining('type, product_area, urgency') },
        { path: ['labels', '1', 'label'], message: expect.stringContaining('normal, urgent, critical') },
        { path: ['labels', '3', 'label'] },
      ],
    });
  });

  test('needs a document of the workspace and the right to write', async () => {
    await addNote(database, 'ws_warm', `doc_of_${ws}`, TEXT);
    const input = { documentId: `doc_of_${ws}`, taxonomy: 'feedback', labels: LABELS };
    await expect(service.correct(callerOf(ws), input)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(service.correct(callerOf(ws, 'VIEWER'), input)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe("a workspace's own taxonomy", () => {
  const label = (name: string, ...examples: string[]) => ({ name, description: '', examples });
  const area = (...labels: ReturnType<typeof label>[]) => [{ name: 'Area', multi: false, openEnded: false, labels }];

  test('sorts by its examples, and anew when it changes', async () => {
    const taxonomies = new TaxonomyService(database);
    const flights = label('flights', 'The plane was late', 'My seat on board was broken');
    const hotels = label('hotels', 'The room was dirty', 'Breakfast was cold');
    await taxonomies.upsert(callerOf(ws), { name: 'Travel desk', dimensions: area(flights, hotels) });
    const delayed = await addNote(database, ws, 'doc_1', 'Our airplane took off two hours late');
    const sort = async () => {
      const call = callOf(callerOf(ws));
      const found = (await service.classifyDocuments(call, [delayed], 'travel_desk')).get('doc_1');
      return { labels: found?.labels.map((given) => given.label), spent: call.tally.total() };
    };
    expect(await sort()).toMatchObject({ labels: ['flights'], spent: { calls: 1 } });
    const renamed = { ...flights, name: 'air travel' };
    await taxonomies.upsert(callerOf(ws), { name: 'Travel desk', dimensions: area(renamed, hotels) });
    expect(await sort()).toMatchObject({ labels: ['air travel'], spent: { calls: 0 } });
  });
});
