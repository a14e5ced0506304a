import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Permission } from '../../domain/access/actions.ts';
import { authorize } from '../../domain/access/caller.ts';
import type { Logger } from '../../observability/logger.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { isTooLarge, readBounded } from '../request-body.ts';
import type { Doors } from '../request-context.ts';
import type { ServerMetrics } from '../server-metrics.ts';
import { chatCompletions } from './chat-completions.ts';
import { DoorRefusal } from './door-errors.ts';
import { answerFailure, type DoorRequest } from './door-request.ts';
import { embeddings } from './embeddings.ts';
import { type Fields, isFields } from './field-reading.ts';
import { listModels, oneModel } from './models.ts';
import { responses } from './responses.ts';

/** Answers a request to a path below `/v1`; never throws. */
export type OpenAiDoor = (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>;

/** A long conversation, or a few photographs. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

interface Route {
  permission: Permission;
  handle: (door: DoorRequest) => Promise<void>;
}

const POSTS: Readonly<Record<string, (door: DoorRequest, body: Fields) => Promise<void>>> = {
  '/v1/chat/completions': chatCompletions,
  '/v1/embeddings': embeddings,
  '/v1/responses': responses,
};
const MODELS = '/v1/models';

/**
 * The product as OpenAI's API has it, over the same gateway: same keys, roles, limits, cache and usage. It makes no
 * fetch objects: what it adds to a model's answer is to be as little as can be.
 */
export function createOpenAiDoor(
  { authenticator, services }: Doors,
  logger: Logger,
  metrics: ServerMetrics,
): OpenAiDoor {
  return async (request, response, path) => {
    const requestId = String(request.headers['x-request-id']);
    const parts = { services, logger, requestId, request, response };
    observe({ logger, metrics }, path, requestId, response);
    try {
      const { permission, handle } = routeOf(request, path);
      const caller = await authenticator.authenticate({
        authorization: request.headers.authorization ?? null,
        workspaceId: request.headers['x-signalbox-workspace']?.toString() ?? null,
      });
      await handle({ ...parts, caller: authorize(caller, permission) });
    } catch (error) {
      answerFailure(parts, error);
    }
  };
}

/** One line and one measurement a request, when it is over: who and how long, never what was said. */
function observe(
  { logger, metrics }: { logger: Logger; metrics: ServerMetrics },
  path: string,
  requestId: string,
  response: ServerResponse,
): void {
  const startedAt = performance.now();
  // Of the routes there are: a label must not grow with what clients make up.
  const known = Object.hasOwn(POSTS, path) ? path : null;
  const route = known ?? (path.startsWith(MODELS) ? MODELS : 'other');
  response.once('close', () => {
    const durationMs = performance.now() - startedAt;
    const status = response.writableFinished ? response.statusCode : 0;
    metrics.doorRequests.observe({ route, status: String(status) }, durationMs / 1_000);
    logger.debug({ requestId, route, status, durationMs }, 'openai door');
  });
}

/** @throws DoorRefusal */
function routeOf({ method }: IncomingMessage, path: string): Route {
  const post = Object.hasOwn(POSTS, path) ? POSTS[path] : undefined;
  const isModels = path === MODELS || path.startsWith(`${MODELS}/`);
  if (post === undefined && !isModels) {
    const known = [...Object.keys(POSTS), MODELS].join(', ');
    throw new DoorRefusal(404, 'not_found', `there is nothing at ${path.slice(0, 200)}; there are: ${known}`);
  }
  const allowed = post === undefined ? 'GET' : 'POST';
  if (method !== allowed) throw new DoorRefusal(405, 'method_not_allowed', `${path.slice(0, 200)} takes ${allowed}`);
  if (post !== undefined) return { permission: 'AI_USE', handle: async (door) => post(door, await readBody(door)) };
  const id = path.slice(MODELS.length + 1);
  return { permission: 'AI_USE', handle: id === '' ? listModels : (door) => oneModel(door, decoded(id)) };
}

/** An id has a slash in it, which clients may encode. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** @throws DoorRefusal, InvalidInputError */
async function readBody({ request, response }: DoorRequest): Promise<Fields> {
  const bytes = isTooLarge(request, MAX_BODY_BYTES) ? null : await readBounded(request, MAX_BODY_BYTES);
  if (bytes === null) {
    response.setHeader('connection', 'close');
    request.resume();
    throw new DoorRefusal(413, 'request_too_large', `a request may have ${MAX_BODY_BYTES} bytes`);
  }
  const body = parseJson(bytes);
  if (!isFields(body)) throw new InvalidInputError([{ path: [], message: 'the body must be a JSON object' }]);
  return body;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new InvalidInputError([{ path: [], message: 'the body is no JSON' }]);
  }
}
