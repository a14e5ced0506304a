import type { BatchStart } from './import.ts';
import type { SourceRecord } from './source-record.ts';

/** Records that are stored in one transaction. */
const BATCH_RECORDS = 100;
/** Large records make smaller batches: several are held at once. */
const BATCH_BYTES = 2_000_000;

/** A piece of a file: the same piece whenever the file is read, wherever the reading began. */
export interface Batch {
  /** 0 for the first. */
  index: number;
  start: BatchStart;
  records: readonly SourceRecord[];
}

/**
 * Cuts records into batches.
 * @param from the first of them, with where it begins
 */
export async function* cutBatches(
  records: AsyncIterable<SourceRecord>,
  from: { index: number; start: BatchStart },
): AsyncGenerator<Batch> {
  let { index, start } = from;
  let pending: SourceRecord[] = [];
  let bytes = 0;
  for await (const record of records) {
    pending.push(record);
    bytes += record.bytes;
    if (pending.length < BATCH_RECORDS && bytes < BATCH_BYTES) continue;
    yield { index, start, records: pending };
    index += 1;
    start = { ...record.next, records: start.records + pending.length };
    pending = [];
    bytes = 0;
  }
  if (pending.length > 0) yield { index, start, records: pending };
}
