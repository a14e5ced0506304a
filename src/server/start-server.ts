import type { AddressInfo } from 'node:net';
import type { Database } from '../db/client.ts';
import type { Logger } from '../observability/logger.ts';
import { createDirectQuery } from './direct-query.ts';
import type { GraphiqlDemo } from './graphiql.ts';
import { createHttpServer } from './http-server.ts';
import { createReportDoor } from './import-reports.ts';
import { KnownQueries } from './known-queries.ts';
import { createOpenAiDoor } from './openai-door/openai-door.ts';
import type { Doors } from './request-context.ts';
import { createServerMetrics, type MetricSources } from './server-metrics.ts';
import { readTrustedDocuments } from './trusted-documents.ts';
import { attachWebSocket } from './websocket.ts';
import { createGraphServer } from './yoga.ts';

/** How long open connections may take to finish once the server stops. */
const CLOSE_TIMEOUT_MS = 10_000;

export interface RunningServer {
  address: AddressInfo;
  /** Takes no more requests, lets running ones finish, then closes what is still open. */
  close(): Promise<void>;
}

export interface Served extends Doors, MetricSources {
  config: {
    host: string;
    port: number;
    trustedDocuments: string | undefined;
    uploadMaxBytes: number;
    subscriberPatienceMs: number;
  };
  database: Database;
  logger: Logger;
}

/** Opens the doors. */
export async function startServer(
  served: Served,
  demo: () => GraphiqlDemo | null = () => null,
): Promise<RunningServer> {
  const { config, database, logger } = served;
  let stopping = false;
  const metrics = createServerMetrics(served);
  const trustedDocuments = config.trustedDocuments === undefined ? null : readTrustedDocuments(config.trustedDocuments);
  const known = new KnownQueries();
  const { uploadMaxBytes, subscriberPatienceMs: patienceMs } = config;
  const yoga = createGraphServer({
    doors: served,
    logger,
    metrics,
    demo,
    trustedDocuments,
    known,
    uploadMaxBytes,
    patienceMs,
  });
  const directQuery = createDirectQuery({ doors: served, known, trustedDocuments, metrics, logger });
  const openAiDoor = createOpenAiDoor(served, logger, metrics);
  const reportDoor = createReportDoor(served);
  const parts = { yoga, directQuery, openAiDoor, reportDoor, database, metrics, logger };
  const server = createHttpServer({ ...parts, stopping: () => stopping });
  const closeSockets = attachWebSocket({ server, yoga, doors: served, logger, metrics, trustedDocuments, patienceMs });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const close = async () => {
    stopping = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await closeSockets();
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
    await yoga.dispose();
  };
  return { address: server.address() as AddressInfo, close };
}
