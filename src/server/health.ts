import type { Database } from '../db/client.ts';

/** How long the database may take to answer before the server says that it is not ready. */
const PING_TIMEOUT_MS = 2_000;

/** Whether the server can serve: the database answers. */
export async function isReady(database: Database): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PING_TIMEOUT_MS);
  });
  try {
    return await Promise.race([database.ping().then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
