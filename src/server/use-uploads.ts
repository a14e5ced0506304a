import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'graphql-yoga';
import { refusal } from './multipart-operations.ts';
import { linger, MULTIPART_LIMITS, type MultipartLimits, readMultipart } from './multipart-request.ts';

/**
 * Headers that a page of another site cannot send without the browser's asking first: multipart/form-data alone is what
 * any form sends. The names are ours, Apollo's and GraphQL Yoga's.
 */
const PREFLIGHT_HEADERS = ['authorization', 'x-signalbox-csrf', 'apollo-require-preflight', 'x-graphql-yoga-csrf'];

/** Whether a request brings files. */
export function isMultipart({ method, headers }: IncomingMessage): boolean {
  return method === 'POST' && /^multipart\/form-data\s*(;|$)/i.test(headers['content-type'] ?? '');
}

/** Takes files in multipart requests, as streams; everything else of such a request goes the way of one with JSON. */
export function useUploads(maxFileBytes: number, given: Partial<MultipartLimits> = {}): Plugin {
  const limits = { ...MULTIPART_LIMITS, fileBytes: maxFileBytes, ...given };
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      const { req: request, res: response } = serverContext as Partial<NodeContext>;
      if (request === undefined || response === undefined || !isMultipart(request)) return;
      setRequestParser(async () => {
        try {
          return readChecked(request, response, limits);
        } finally {
          // Whatever it is answered: nothing else bounds how long such a body may take. The reading stops first.
          response.once('close', () => linger(request, limits));
        }
      });
    },
  };
}

function readChecked(request: IncomingMessage, response: ServerResponse, limits: MultipartLimits) {
  if (!PREFLIGHT_HEADERS.some((name) => (request.headers[name] ?? '') !== '')) {
    throw refusal(
      'a multipart request must have the header Authorization, or x-signalbox-csrf with any value: a form of another site can send neither',
    );
  }
  return readMultipart(request, response, limits);
}

interface NodeContext {
  req: IncomingMessage;
  res: ServerResponse;
}
