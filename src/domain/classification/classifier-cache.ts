import { LRUCache } from 'lru-cache';
import type { LearnedClassifier } from './learned-classifier.ts';

/** A classifier of a busy taxonomy with thousands of corrections holds some 30 MB of vectors. */
const WORKSPACE_CLASSIFIERS_MAX = 32;

/** Which classifier. */
export interface ClassifierKey {
  /** Null: a built-in taxonomy as it comes, the same for every workspace. */
  workspaceId: string | null;
  taxonomy: string;
  model: string;
  /** What the classifier has learned at least. */
  revision: number;
}

interface Entry {
  revision: number;
  classifier: Promise<LearnedClassifier>;
}

/** Fitted classifiers; each is fitted once, however many requests wait for it. */
export class ClassifierCache {
  readonly #shared = new Map<string, Entry>();
  readonly #ofWorkspaces: LRUCache<string, Entry>;

  constructor(maxWorkspaceClassifiers = WORKSPACE_CLASSIFIERS_MAX) {
    this.#ofWorkspaces = new LRUCache({ max: maxWorkspaceClassifiers });
  }

  /** The classifier, learned by `learn` where it is not there or has learned less than the revision. */
  get(key: ClassifierKey, learn: () => Promise<LearnedClassifier>): Promise<LearnedClassifier> {
    const entries = key.workspaceId === null ? this.#shared : this.#ofWorkspaces;
    const name = entryName(key.workspaceId, key.taxonomy, key.model);
    const known = entries.get(name);
    if (known !== undefined && known.revision >= key.revision) return known.classifier;
    const entry: Entry = { revision: key.revision, classifier: learn() };
    entries.set(name, entry);
    entry.classifier.catch(() => {
      if (entries.get(name) === entry) entries.delete(name);
    });
    return entry.classifier;
  }

  /** Lets go of what a workspace's classifiers of a taxonomy have learned. */
  forget(workspaceId: string, taxonomy: string): void {
    const prefix = entryName(workspaceId, taxonomy, '');
    for (const name of [...this.#ofWorkspaces.keys()]) {
      if (name.startsWith(prefix)) this.#ofWorkspaces.delete(name);
    }
  }
}

function entryName(workspaceId: string | null, taxonomy: string, model: string): string {
  return `${workspaceId ?? ''}\0${taxonomy}\0${model}`;
}
