import type { Integration } from './integration.ts';

type Link = Pick<Integration, 'id' | 'name' | 'fallbackId'>;

/**
 * The names of a circle of fallbacks that goes through an integration, which is first and last in it; null where its
 * fallbacks come to an end.
 */
export function fallbackCircle(integrations: readonly Link[], startId: string): string[] | null {
  const byId = new Map(integrations.map((integration) => [integration.id, integration]));
  const names: string[] = [];
  const seen = new Set<string>();
  let current = byId.get(startId);
  while (current !== undefined && !seen.has(current.id)) {
    seen.add(current.id);
    names.push(current.name);
    current = current.fallbackId === null ? undefined : byId.get(current.fallbackId);
  }
  return current?.id === startId ? [...names, current.name] : null;
}
