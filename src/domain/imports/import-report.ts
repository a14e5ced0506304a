import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify/sync';
import type { Job } from '../queues/job.ts';
import type { Import, ImportError } from './import.ts';
import type { ReportFormat } from './report-links.ts';

/** A report on an import, made as it is read. */
export interface ImportReport {
  fileName: string;
  content: Readable;
}

/** Errors of one page, in the order of the file, behind the record `after`. */
export type ErrorPages = (after: number | null) => Promise<ImportError[]>;

/** As CSV the errors, one a row; as JSON all that is known of the import. */
export function importReport(format: ReportFormat, row: Import, job: Job | null, pages: ErrorPages): ImportReport {
  const parts = format === 'csv' ? csvParts(pages) : jsonParts(row, job, pages);
  return { fileName: `${row.id}-errors.${format}`, content: Readable.from(parts, { objectMode: false }) };
}

async function* errorsOf(pages: ErrorPages): AsyncGenerator<ImportError> {
  for (let after: number | null = null; ; ) {
    const page: ImportError[] = await pages(after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.recordNumber;
  }
}

/** Cells that a spreadsheet would run as a formula are escaped. */
async function* csvParts(pages: ErrorPages): AsyncGenerator<string> {
  const rows = (cells: (string | number)[]) => stringify([cells], { escape_formulas: true });
  yield rows(['line', 'record_number', 'message', 'record']);
  for await (const { line, recordNumber, message, record } of errorsOf(pages)) {
    yield rows([line, recordNumber, message, JSON.stringify(record)]);
  }
}

async function* jsonParts(row: Import, job: Job | null, pages: ErrorPages): AsyncGenerator<string> {
  const head = JSON.stringify(summaryOf(row, job), null, 2);
  yield `${head.slice(0, head.lastIndexOf('\n'))},\n  "errors": [`;
  let separator = '\n    ';
  for await (const error of errorsOf(pages)) {
    yield `${separator}${JSON.stringify(error)}`;
    separator = ',\n    ';
  }
  yield '\n  ]\n}\n';
}

function summaryOf(row: Import, job: Job | null) {
  const { dialect, mapping, totalRecords, imported, failed, created, updated, unchanged } = row;
  const { format, encoding, delimiter, columns } = dialect;
  return {
    import: row.id,
    collection: row.collectionId,
    file: { name: row.fileName, bytes: row.fileBytes },
    read: { format, encoding, ...(format === 'CSV' ? { delimiter } : {}), columns },
    mapping,
    tasks: row.tasks,
    notes: notesOf(row),
    job: job === null ? null : { id: job.id, status: job.status, error: job.error },
    records: { total: totalRecords, imported, failed, notImported: notImported(row) },
    documents: { created, updated, unchanged },
    times: { createdAt: row.createdAt, startedAt: row.startedAt, finishedAt: row.finishedAt },
    seconds: secondsOf(row),
  };
}

/** Records that were not looked at; null while the file is not counted. */
function notImported({ totalRecords, imported, failed }: Import): number | null {
  return totalRecords === null ? null : totalRecords - imported - failed;
}

function notesOf({ notes, failed, errorsKept, imported, created }: Import): string[] {
  const all = [...notes];
  if (failed > errorsKept) all.push(`Of ${failed} errors the first ${errorsKept} that were met are kept.`);
  if (imported > created) {
    all.push(
      `${imported - created} records had the external id of a document or of an earlier record, and updated it.`,
    );
  }
  return all;
}

function secondsOf({ startedAt, finishedAt }: Import): number | null {
  if (startedAt === null || finishedAt === null) return null;
  return (finishedAt.getTime() - startedAt.getTime()) / 1_000;
}
