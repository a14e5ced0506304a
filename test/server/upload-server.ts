import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, type GraphQLError, type GraphQLScalarType, type GraphQLSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { createLogger } from '../../src/observability/logger.ts';
import type { MultipartLimits } from '../../src/server/multipart-request.ts';
import { useErrorCodes } from '../../src/server/use-error-codes.ts';
import { useUploads } from '../../src/server/use-uploads.ts';
import type { Upload } from '../../src/shared/upload.ts';

/** What the mutation `take` does with what it is given; its answer is the mutation's. */
export type Take = (files: Upload[], signal: AbortSignal) => Promise<string>;

export interface UploadServer {
  url: string;
  port: number;
  server: Server;
  /** How often the mutation was executed. */
  taken(): number;
  close(): Promise<void>;
}

/**
 * The door of uploads with nothing behind it but one mutation:
 * `take(file: File, files: [File!]): String!`
 */
export async function startUploadServer(
  take: Take,
  maxBytes: number,
  limits: Partial<MultipartLimits> = {},
): Promise<UploadServer> {
  let taken = 0;
  const schema = takingSchema((files, signal) => {
    taken += 1;
    return take(files, signal);
  });
  const yoga = createYoga({
    schema,
    logging: false,
    maskedErrors: false,
    multipart: false,
    maxRequestBodySize: false,
    plugins: [useUploads(maxBytes, limits), useErrorCodes(createLogger('silent'), () => 'request-1')],
  });
  const server = createServer({ requestTimeout: 0 }, (request, response) => void yoga(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    port,
    server,
    taken: () => taken,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function takingSchema(take: Take): GraphQLSchema {
  const schema = buildSchema(/* GraphQL */ `
    scalar File
    type Query { hello: String }
    type Mutation { take(file: File, files: [File!]): String! }
  `);
  const file = schema.getType('File') as GraphQLScalarType;
  file.parseValue = (value) => value;
  const field = schema.getMutationType()?.getFields().take;
  if (field === undefined) throw new Error('the schema has no mutation');
  field.resolve = (_root, args: { file?: Upload; files?: Upload[] }, context: { request: Request }) =>
    take([...(args.file === undefined ? [] : [args.file]), ...(args.files ?? [])], context.request.signal);
  return schema;
}

export const TAKE_ONE = 'mutation ($file: File!) { take(file: $file) }';
export const TAKE_MANY = 'mutation ($files: [File!]!) { take(files: $files) }';

export interface Answered {
  status: number;
  body: { data?: { take: string } | null; errors?: (GraphQLError & { extensions: { code: string } })[] };
}

/** Posts a form as a browser or another client makes it. */
export async function post(url: string, form: FormData, headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'x-signalbox-csrf': '1', ...headers },
    body: form,
    signal: AbortSignal.timeout(50_000),
  });
  return { status: response.status, body: (await response.json()) as Answered['body'] };
}

export function oneFile(content: BlobPart, name = 'letters.csv', type = 'text/csv'): FormData {
  const form = new FormData();
  form.set('operations', JSON.stringify({ query: TAKE_ONE, variables: { file: null } }));
  form.set('map', JSON.stringify({ 0: ['variables.file'] }));
  form.set('0', new Blob([content], { type }), name);
  return form;
}

/** @param contents of files called 0, 1 and so on, in the order of `map` and of the request */
export function manyFiles(contents: string[]): FormData {
  const form = new FormData();
  form.set('operations', JSON.stringify({ query: TAKE_MANY, variables: { files: contents.map(() => null) } }));
  form.set(
    'map',
    JSON.stringify(Object.fromEntries(contents.map((_, index) => [index, [`variables.files.${index}`]]))),
  );
  for (const [index, content] of contents.entries()) form.set(String(index), new Blob([content]), `${index}.txt`);
  return form;
}
