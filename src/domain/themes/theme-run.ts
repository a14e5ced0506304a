import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { newId } from '../../shared/ids.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { DocumentEmbeddingModel } from '../gateway/model-catalog.ts';
import type { Clustering } from './clustering.ts';
import type { Keyword } from './keywords.ts';
import { EXAMPLES_OF_THEME, type StoredTheme, type ThemeSet } from './theme.ts';
import { matchThemes } from './theme-matching.ts';
import { distinctNames, nameFromKeywords } from './theme-name.ts';
import type { ThemeNamer } from './theme-namer.ts';
import {
  finishThemes,
  leaveRetiredThemes,
  placeThemes,
  readStoredThemes,
  readThemeSet,
  storeAssignments,
} from './theme-store.ts';
import { inThemeThread } from './theme-thread.ts';
import {
  countEmbedded,
  embeddedAfter,
  readBeginnings,
  readDocumentVectors,
  sampleEmbedded,
} from './themed-documents.ts';
import type { VectorRows } from './vector-rows.ts';

/** Documents that themes are found in: more of them make a run longer and the themes no better. */
const SAMPLE_DOCUMENTS = 5_000;
/** Numbers of all vectors of a sample together: 64 MB. */
const SAMPLE_NUMBERS = 16_000_000;
/** Vectors that are read at once: 1.5 to 8 MB. */
const VECTORS_PER_PAGE = 500;
/** Texts that keywords are found in, all together, and of one theme at the least. */
const TEXTS_READ = 4_000;
const TEXTS_OF_A_THEME = 30;
const TEXTS_PER_PAGE = 500;
/** Assignments that are written at once: nobody waits for the embedded database's one connection for long. */
const ROWS_PER_WRITE = 1_000;

export interface ThemeRunParts {
  database: Database;
  namer: ThemeNamer;
}

/** Told how many documents are done, of how many. */
export type ThemeProgress = (done: number, failed: number, total: number) => void;

/** The documents of a sample, each with the theme that it was in. */
interface Sample {
  ids: string[];
  before: (string | null)[];
  rows: VectorRows;
}

/** Which theme each document is in; null: in none. */
interface Assigned {
  documentIds: string[];
  themeIds: (string | null)[];
}

/** What a run begins from. */
interface Before {
  set: ThemeSet | null;
  themes: StoredTheme[];
}

/**
 * Finds the themes of a collection or a workspace anew, in a bounded sample; sorts all documents into them; then puts the
 * themes in place in one transaction, and the documents into them in some more, a part each. Nothing is locked meanwhile:
 * where another run is quicker, its themes stand. Of a run that dies among its last transactions, themes that were there
 * before still have some of their former documents, and the set is out of date: the next run puts that right.
 */
export class ThemeRun {
  readonly #parts: ThemeRunParts;
  readonly #call: ModelCall;
  readonly #model: DocumentEmbeddingModel;
  readonly #collectionId: string | null;

  constructor(parts: ThemeRunParts, call: ModelCall, model: DocumentEmbeddingModel, collectionId: string | null) {
    this.#parts = parts;
    this.#call = call;
    this.#model = model;
    this.#collectionId = collectionId;
  }

  /** @returns whether its themes are in place; else those of another run are */
  async run(progress: ThemeProgress): Promise<boolean> {
    const { signal } = this.#call;
    const before = await this.#inScope(async (scope): Promise<Before> => {
      const [set, themes] = await Promise.all([readThemeSet(scope, this.#scope), readStoredThemes(scope, this.#scope)]);
      return { set, themes };
    });
    const total = await this.#inScope((scope) => countEmbedded(scope, this.#model.id, this.#collectionId));
    const sample = await this.#sample();
    const found = await inThemeThread({ kind: 'cluster', problem: this.#problem(before, sample) }, signal);
    progress(sample.ids.length, 0, total);
    const themes = await this.#themes(before, sample, found);
    const assigned = await this.#assignAll(sample, found, themes, (done) => progress(Math.min(done, total), 0, total));
    signal.throwIfAborted();
    const { id: model } = this.#model;
    const fromRevision = before.set?.revision ?? 0;
    const place = { scope: this.#scope, collectionId: this.#collectionId, fromRevision, model, mean: found.mean };
    if (!(await this.#inScope((scope) => placeThemes(scope, place, themes)))) return false;
    return this.#store(fromRevision + 1, assigned, () => progress(total, 0, total));
  }

  /** @returns whether all of it was stored; else another run has put its own themes in place */
  async #store(revision: number, assigned: Assigned, onWritten: () => void): Promise<boolean> {
    const { documentIds, themeIds } = assigned;
    const set = { scope: this.#scope, revision, documentCount: documentIds.length };
    for (let start = 0; start < documentIds.length; start += ROWS_PER_WRITE) {
      const end = start + ROWS_PER_WRITE;
      const part = { documentIds: documentIds.slice(start, end), themeIds: themeIds.slice(start, end) };
      if (!(await this.#inScope((scope) => storeAssignments(scope, set, part)))) return false;
      onWritten();
      this.#call.signal.throwIfAborted();
    }
    // What the run did not see: it is sorted into the new themes next.
    while ((await this.#inScope((scope) => leaveRetiredThemes(scope, this.#scope, ROWS_PER_WRITE))) > 0);
    await this.#inScope((scope) => finishThemes(scope, set));
    return true;
  }

  get #scope(): string {
    return this.#collectionId ?? this.#call.caller.workspace.id;
  }

  #inScope<Result>(work: (scope: WorkspaceScope) => Promise<Result>): Promise<Result> {
    return this.#parts.database.withWorkspace(this.#call.caller.workspace.id, work);
  }

  async #sample(): Promise<Sample> {
    const { id, dimensions } = this.#model;
    const most = Math.min(SAMPLE_DOCUMENTS, Math.floor(SAMPLE_NUMBERS / dimensions));
    const chosen = await this.#inScope((scope) => sampleEmbedded(scope, id, this.#collectionId, most));
    const themeOf = new Map(chosen.map((document) => [document.id, document.themeId]));
    const ids: string[] = [];
    const values = new Float32Array(chosen.length * dimensions);
    for (let start = 0; start < chosen.length; start += VECTORS_PER_PAGE) {
      this.#call.signal.throwIfAborted();
      const page = chosen.slice(start, start + VECTORS_PER_PAGE).map((document) => document.id);
      const read = await this.#inScope((scope) => readDocumentVectors(scope, this.#model, page));
      values.set(read.rows.values, ids.length * dimensions);
      ids.push(...read.documentIds);
    }
    const rows = { count: ids.length, dimensions, values: values.slice(0, ids.length * dimensions) };
    return { ids, before: ids.map((document) => themeOf.get(document) ?? null), rows };
  }

  #problem({ themes }: Before, { rows, before }: Sample) {
    const numbers = new Map(themes.filter(({ retiredAt }) => retiredAt === null).map(({ id }, number) => [id, number]));
    const previous = Int32Array.from(before, (id) => (id === null ? -1 : (numbers.get(id) ?? -1)));
    return { rows, previous: numbers.size === 0 ? null : previous };
  }

  /** The themes of the clusters, in their order: old ones with their id and name, and new ones. */
  async #themes({ set, themes }: Before, sample: Sample, found: Clustering): Promise<StoredTheme[]> {
    const { centroids } = found;
    if (centroids.count === 0) return [];
    const isSameModel = set?.model === this.#model.id;
    const known = themes.map(({ id, centroid }) => ({ id, centroid: isSameModel ? centroid : null }));
    const matched = matchThemes(known, centroids, sample.before, found.clusters);
    const members = membersOf(found);
    const { keywords, texts } = await this.#keywords(sample, found, members);
    const work = await this.#parts.namer.work(this.#call.caller.workspace.id);
    const drafts = [...matched].map((place, cluster): Draft => {
      const old = place < 0 ? null : (themes[place] as StoredTheme);
      // A name that a program made of keywords gives way to one that a model writes.
      const isNamed = old !== null && (old.namedBy !== null || work === null);
      return {
        old,
        isNamed,
        keywords: keywords[cluster] ?? [],
        examples: examplesOf(members[cluster] ?? [], sample, texts),
      };
    });
    const names = await this.#names(drafts, work);
    const { dimensions } = centroids;
    return drafts.map(({ old, keywords: own }, cluster): StoredTheme => {
      const { name, namedBy } = names[cluster] as Named;
      const centroid = centroids.values.slice(cluster * dimensions, (cluster + 1) * dimensions);
      const threshold = found.thresholds[cluster] as number;
      const words = own.map(({ text }) => text);
      const origin = { id: old?.id ?? newId('Theme'), scope: this.#scope, createdAt: old?.createdAt ?? new Date() };
      return { ...origin, name, namedBy, keywords: words, centroid, threshold, retiredAt: null };
    });
  }

  /** Old names stay as they are; new ones differ from them and from one another. */
  async #names(drafts: readonly Draft[], work: Awaited<ReturnType<ThemeNamer['work']>>): Promise<Named[]> {
    const kept = drafts.flatMap(({ old, isNamed }) => (isNamed && old !== null ? [old.name] : []));
    const nameless = drafts.filter(({ isNamed }) => !isNamed);
    const asked = nameless.map(({ keywords, examples }) => ({ keywords: keywords.map(({ text }) => text), examples }));
    const written =
      work === null || nameless.length === 0 ? [] : await this.#parts.namer.name(this.#call, work, asked, kept);
    const wanted = nameless.map(({ old, keywords, examples }, i) => ({
      name: written[i]?.name ?? old?.name ?? nameFromKeywords(keywords, examples[0]?.text ?? ''),
      more: keywords.slice(1).map(({ text }) => text),
    }));
    const names = distinctNames(wanted, kept).values();
    let next = 0;
    return drafts.map(({ old, isNamed }): Named => {
      if (isNamed && old !== null) return { name: old.name, namedBy: old.namedBy };
      const model = written[next]?.model ?? null;
      next += 1;
      return { name: names.next().value as string, namedBy: model };
    });
  }

  async #keywords(
    { ids }: Sample,
    { clusters, centroids }: Clustering,
    members: readonly (readonly number[])[],
  ): Promise<{ keywords: Keyword[][]; texts: Map<string, string> }> {
    const perTheme = Math.max(TEXTS_OF_A_THEME, Math.floor(TEXTS_READ / (centroids.count + 1)));
    const strangers = [...clusters.keys()].filter((row) => clusters[row] === -1).slice(0, perTheme);
    const read = [...members.flatMap((own) => own.slice(0, perTheme)), ...strangers];
    const texts = new Map<string, string>();
    for (let start = 0; start < read.length; start += TEXTS_PER_PAGE) {
      const page = read.slice(start, start + TEXTS_PER_PAGE).map((row) => ids[row] as string);
      for (const [id, text] of await this.#inScope((scope) => readBeginnings(scope, page))) texts.set(id, text);
    }
    const clustered = read.map((row) => ({
      text: texts.get(ids[row] as string) ?? '',
      cluster: clusters[row] as number,
    }));
    const work = { kind: 'keywords' as const, texts: clustered, clusterCount: centroids.count };
    return { keywords: await inThemeThread(work, this.#call.signal), texts };
  }

  /** The sample as it was clustered, and all other documents by what was found in it. */
  async #assignAll(
    sample: Sample,
    found: Clustering,
    themes: readonly StoredTheme[],
    onDone: (done: number) => void,
  ): Promise<Assigned> {
    const idOf = (cluster: number) => themes[cluster]?.id ?? null;
    const documentIds = [...sample.ids];
    const themeIds = Array.from(found.clusters, idOf);
    const sampled = new Set(sample.ids);
    const { mean, centroids, thresholds } = found;
    for (let after = ''; ; ) {
      this.#call.signal.throwIfAborted();
      const page = await this.#inScope((scope) =>
        embeddedAfter(scope, this.#model.id, this.#collectionId, { after, limit: VECTORS_PER_PAGE }),
      );
      const last = page.at(-1);
      if (last === undefined) break;
      after = last;
      const others = page.filter((id) => !sampled.has(id));
      if (others.length === 0) continue;
      const read = await this.#inScope((scope) => readDocumentVectors(scope, this.#model, others));
      const work = { kind: 'assign' as const, clusters: { mean, centroids, thresholds }, rows: read.rows };
      const { clusters } = await inThemeThread(work, this.#call.signal);
      documentIds.push(...read.documentIds);
      themeIds.push(...Array.from(clusters, idOf));
      onDone(documentIds.length);
    }
    return { documentIds, themeIds };
  }
}

interface Named {
  name: string;
  namedBy: string | null;
}

/** A theme on its way to a name. */
interface Draft {
  old: StoredTheme | null;
  isNamed: boolean;
  keywords: readonly Keyword[];
  examples: { id: string; text: string }[];
}

/** The rows of each cluster, those nearest to its centroid first. */
function membersOf({ clusters, similarities, centroids }: Clustering): number[][] {
  const members: number[][] = Array.from({ length: centroids.count }, () => []);
  for (const [row, cluster] of clusters.entries()) members[cluster]?.push(row);
  for (const rows of members) {
    rows.sort((left, right) => (similarities[right] as number) - (similarities[left] as number) || left - right);
  }
  return members;
}

function examplesOf(
  members: readonly number[],
  { ids }: Sample,
  texts: ReadonlyMap<string, string>,
): { id: string; text: string }[] {
  return members
    .slice(0, EXAMPLES_OF_THEME)
    .map((row) => ({ id: ids[row] as string, text: texts.get(ids[row] as string) ?? '' }));
}
