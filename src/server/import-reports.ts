import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Authenticator } from '../domain/access/authenticator.ts';
import { type Caller, UnauthenticatedError } from '../domain/access/caller.ts';
import type { ImportReports, ReportFormat, ReportLinks } from '../domain/imports/report-links.ts';
import type { Logger } from '../observability/logger.ts';
import type { ErrorCode } from '../shared/errors.ts';
import { toClientError } from './use-error-codes.ts';

/** Answers a request to a path below `/imports/`; never throws. */
export type ReportDoor = (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>;

export interface ReportDoorParts {
  authenticator: Authenticator;
  services: { imports: ImportReports; reportLinks: ReportLinks };
  logger: Logger;
}

const PATH = /^\/imports\/([a-z0-9_]{1,64})\/report\.(json|csv)$/;

const CONTENT_TYPES: Readonly<Record<ReportFormat, string>> = {
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
};

const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  BAD_INPUT: 400,
  UNAVAILABLE: 503,
};

/** Reports of imports, for a program with its key and for a browser with a signed link. */
export function createReportDoor({ authenticator, services, logger }: ReportDoorParts): ReportDoor {
  const callerOf = async (request: IncomingMessage, importId: string): Promise<Caller> => {
    const { authorization, 'x-signalbox-workspace': workspace } = request.headers;
    if (authorization !== undefined) {
      return authenticator.authenticate({ authorization, workspaceId: workspace?.toString() ?? null });
    }
    const token = new URL(request.url ?? '/', 'http://localhost').searchParams.get('token');
    if (token === null) throw new UnauthenticatedError();
    const workspaceId = services.reportLinks.workspaceOf(importId, token);
    if (workspaceId === null) {
      throw new UnauthenticatedError(
        'this link is not good, or not any more: ask for the reportUrl of the import again',
      );
    }
    return authenticator.viewerOf(workspaceId);
  };
  return async (request, response, path) => {
    try {
      const [, importId, format] = PATH.exec(path) ?? [];
      if (importId === undefined)
        return refuse(response, 404, 'NOT_FOUND', 'reports are at /imports/<id>/report.csv and .json');
      if (request.method !== 'GET') return refuse(response, 405, 'BAD_INPUT', 'a report is asked for by GET');
      const caller = await callerOf(request, importId);
      const { fileName, content } = await services.imports.report(caller, importId, format as ReportFormat);
      response.writeHead(200, headersOf(fileName, format as ReportFormat));
      await pipeline(content, response);
    } catch (error) {
      if (response.headersSent) return cutOff(response, logger, error);
      const { message, extensions } = toClientError(error, logger, request.headers['x-request-id']?.toString() ?? null);
      const code = extensions.code as ErrorCode;
      refuse(response, STATUS_OF_CODE[code] ?? 500, code, message);
    }
  };
}

/** What people wrote is in it: it is stored as a file, and nothing in it is ever run as a page of this server. */
function headersOf(fileName: string, format: ReportFormat): Record<string, string> {
  const plainName = fileName.replace(/[^\w.-]+/g, '_');
  const encodedName = encodeURIComponent(fileName.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return {
    'content-type': CONTENT_TYPES[format],
    'content-disposition': `attachment; filename="${plainName}"; filename*=UTF-8''${encodedName}`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
  };
}

/** A report that is not whole must not look as if it were. */
function cutOff(response: ServerResponse, logger: Logger, error: unknown): void {
  const hasLeft = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
  if (!hasLeft) logger.error({ err: error }, 'a report could not be written to its end');
  response.destroy();
}

function refuse(response: ServerResponse, status: number, code: ErrorCode, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}
