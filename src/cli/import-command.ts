import type { FollowArguments, ImportArguments, ServerAccess } from './arguments.ts';
import { CliError } from './cli-error.ts';
import { upload } from './file-upload.ts';
import { GraphClient } from './graph-client.ts';
import { followJob, type JobStatus } from './job-follower.ts';
import type { ProgressView } from './progress-view.ts';

const COLLECTIONS = /* GraphQL */ `
  query Collections($after: String) {
    collections(first: 100, after: $after) {
      nodes { id slug }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

const IMPORT = /* GraphQL */ `
  mutation ImportFile($input: ImportDocumentsInput!) {
    importDocuments(input: $input) {
      __typename
      ... on Import { mapping job { id } }
      ... on Error { message }
    }
  }
`;

const OUTCOME = /* GraphQL */ `
  query ImportOutcome($jobId: ID!) {
    node(id: $jobId) {
      ... on Job {
        status
        error
        import {
          fileName
          totalRecords
          processedRecords
          failedRecords
          reportUrl
          errors(first: 5) { nodes { line message } }
        }
      }
    }
  }
`;

/** Where a command shows things, and what ends it early. */
export interface Terminal {
  progress: ProgressView;
  /** A line of the result. */
  say: (line: string) => void;
  signal: AbortSignal;
}

interface Outcome {
  status: JobStatus;
  error: string | null;
  import: {
    fileName: string;
    totalRecords: number | null;
    processedRecords: number;
    failedRecords: number;
    reportUrl: string | null;
    errors: { nodes: { line: number; message: string }[] };
  } | null;
}

/**
 * Sends a file, follows its job and tells what came of it.
 * @returns whether every record was imported
 * @throws CliError, UnreachableError
 */
export async function importFile(asked: ImportArguments, terminal: Terminal): Promise<boolean> {
  const { progress, signal } = terminal;
  const client = new GraphClient(asked);
  const collectionId = await findCollection(client, asked.collection, signal);
  const { mapping, tasks, format, idempotencyKey } = asked;
  const given = { mapping, tasks, idempotencyKey };
  // What is not given is left out, so that the server's defaults hold.
  const input = { collectionId, file: null, format, ...withoutNulls(given) };
  const { importDocuments: begun } = await upload<{
    importDocuments: { __typename: string; message?: string; mapping: object; job: { id: string } };
  }>(client, {
    ...{ query: IMPORT, variables: { input }, place: 'variables.input.file', path: asked.path, signal },
    onProgress: (sentBytes, totalBytes) => progress.sent(sentBytes, totalBytes),
  });
  if (begun.__typename !== 'Import') throw new CliError(begun.message ?? 'the import was refused');
  progress.note(`read as ${JSON.stringify(begun.mapping)}`);
  return followTo(client, { ...asked, jobId: begun.job.id }, terminal);
}

/** Takes up the job of an import again. @returns whether every record was imported @throws CliError, UnreachableError */
export async function followImport(asked: FollowArguments, terminal: Terminal): Promise<boolean> {
  return followTo(new GraphClient(asked), asked, terminal);
}

async function followTo(client: GraphClient, asked: FollowArguments, terminal: Terminal): Promise<boolean> {
  const { jobId } = asked;
  const { progress, signal } = terminal;
  const sayHowToComeBack = () => {
    progress.end();
    terminal.say(`The import goes on without this window. To come back: ${followCommand(asked)}`);
  };
  signal.addEventListener('abort', sayHowToComeBack, { once: true });
  try {
    await followJob(client, jobId, {
      signal,
      onEvent: (event) => progress.job(event),
      onLost: (reason) => progress.note(`${reason}; trying again`),
    });
    progress.end();
    const { node } = await client.ask<{ node: Outcome | null }>(OUTCOME, { jobId }, signal);
    if (node === null) throw new CliError(`there is no job ${jobId} any more`);
    return tell(client, node, terminal.say);
  } finally {
    signal.removeEventListener('abort', sayHowToComeBack);
  }
}

function followCommand({ jobId, url }: ServerAccess & { jobId: string }): string {
  return `npx signalbox follow ${jobId} --url ${url}`;
}

/** An id as it is; a slug by looking through the workspace's collections. */
async function findCollection(client: GraphClient, idOrSlug: string, signal: AbortSignal): Promise<string> {
  if (/^col_[0-9a-z]{26}$/.test(idOrSlug)) return idOrSlug;
  const slugs: string[] = [];
  for (let after: string | null = null; ; ) {
    const { collections }: CollectionPage = await client.ask(COLLECTIONS, { after }, signal);
    const found = collections.nodes.find(({ slug }) => slug === idOrSlug);
    if (found !== undefined) return found.id;
    slugs.push(...collections.nodes.map(({ slug }) => slug));
    after = collections.pageInfo.endCursor;
    if (!collections.pageInfo.hasNextPage) break;
  }
  const known = slugs.length === 0 ? 'it has none yet' : `there are: ${slugs.slice(0, 20).join(', ')}`;
  throw new CliError(`the workspace has no collection ${idOrSlug}; ${known}`);
}

interface CollectionPage {
  collections: {
    nodes: { id: string; slug: string }[];
    pageInfo: { hasNextPage: boolean; endCursor: string | null };
  };
}

function tell(client: GraphClient, { status, error, import: done }: Outcome, say: Terminal['say']): boolean {
  if (done === null) {
    say(`The job is ${status.toLowerCase()}${error === null ? '' : `: ${error}`}`);
    return status === 'COMPLETED';
  }
  const { fileName, totalRecords, processedRecords, failedRecords, reportUrl } = done;
  const imported = processedRecords - failedRecords;
  say(`${fileName}: ${imported} of ${totalRecords ?? processedRecords} records imported, ${failedRecords} failed`);
  for (const { line, message } of done.errors.nodes) say(`  line ${line}: ${message}`);
  if (failedRecords > done.errors.nodes.length) say('  … and more in the report');
  if (status !== 'COMPLETED') say(`The import is ${status.toLowerCase()}${error === null ? '' : `: ${error}`}`);
  if (reportUrl !== null) say(`Report, for an hour: ${client.addressOf(reportUrl)}`);
  return status === 'COMPLETED' && failedRecords === 0;
}

function withoutNulls(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
