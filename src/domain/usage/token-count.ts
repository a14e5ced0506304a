import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Piscina } from 'piscina';

/** Characters that are counted one by one; of more a sample is. */
export const COUNTED_CHARACTERS = 200_000;
/** A sample is so many pieces, at equal distances. */
const SAMPLE_PIECES = 50;
/** Where nothing can be counted: English has four bytes a token. */
const BYTES_PER_TOKEN = 4;
/** The tokenizer's tables take some 80 MB, which a quiet server gets back; an answer takes less time. */
const IDLE_TIMEOUT_MS = 300_000;

let pool: Piscina<readonly string[], number> | undefined;
const underway = new Set<Promise<number>>();

/**
 * Tokens of texts, together, by OpenAI's encoding o200k_base: exact for that vendor's models since GPT-4o, and an estimate
 * for all others, whose tokenizers differ by some 10 to 30 percent and are mostly secret. Above 200,000 characters it is
 * an estimate from a sample of them.
 *
 * It is done in a thread of its own that the first call starts: to load the tables alone takes 200 ms.
 * @param withinMs where the thread takes longer, because it has just been started or counts for others, the tokens are
 * estimated by their bytes; left out: as long as it takes
 */
export async function countTokens(texts: readonly string[], withinMs?: number): Promise<number> {
  const sample = sampleOf(texts);
  if (sample.characters === 0) return 0;
  const counting = countAll(sample.texts);
  underway.add(counting);
  counting.finally(() => underway.delete(counting));
  const late = withinMs === undefined ? [] : [sleep(withinMs, null, { ref: false })];
  const tokens = (await Promise.race([counting, ...late])) ?? estimated(sample.texts);
  return Math.ceil(tokens * sample.scale);
}

/** Starts the thread, so that the next count is quick. */
export function warmTokenCounting(): void {
  void countTokens([' ']);
}

/** Waits for what is being counted and ends the thread; the next count starts a new one. */
export async function closeTokenCounting(): Promise<void> {
  // A turn before, for those who have just been told to end and begin to count; one after, for them to record it.
  await nextTurn();
  while (underway.size > 0) {
    await Promise.allSettled(underway);
    await nextTurn();
  }
  const closing = pool;
  pool = undefined;
  await closing?.destroy();
}

async function countAll(texts: readonly string[]): Promise<number> {
  pool ??= new Piscina<readonly string[], number>({
    filename: new URL('./token-count-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_TIMEOUT_MS,
  });
  try {
    return await pool.run(texts);
  } catch (error) {
    // What a call took must get into the ledger, also from a server that is stopping.
    process.emitWarning(`tokens are estimated by their bytes: ${(error as Error).message}`, 'SignalboxTokenCount');
    return estimated(texts);
  }
}

function estimated(texts: readonly string[]): number {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

/** What is counted for texts, and how many times over it stands for them. */
export function sampleOf(texts: readonly string[]): { texts: readonly string[]; characters: number; scale: number } {
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  if (characters <= COUNTED_CHARACTERS) return { texts, characters, scale: 1 };
  const length = COUNTED_CHARACTERS / SAMPLE_PIECES;
  const distance = (characters - length) / (SAMPLE_PIECES - 1);
  const starts = Array.from({ length: SAMPLE_PIECES }, (_, i) => Math.floor(i * distance));
  return { texts: slicesAt(texts, starts, length), characters, scale: characters / COUNTED_CHARACTERS };
}

/** Pieces of the texts as if they were one. The places are in rising order. */
function slicesAt(texts: readonly string[], starts: readonly number[], length: number): string[] {
  const slices: string[] = [];
  let offset = 0;
  let next = 0;
  for (const text of texts) {
    const end = offset + text.length;
    // A piece that goes on in the next text is looked at there again.
    for (let i = next; i < starts.length && (starts[i] as number) < end; i++) {
      const start = starts[i] as number;
      slices.push(text.slice(Math.max(start - offset, 0), start + length - offset));
      if (start + length <= end) next = i + 1;
    }
    offset = end;
  }
  return slices;
}
