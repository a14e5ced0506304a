import { typeid } from 'typeid-js';

/**
 * Prefix of each kind of id. An id is `<prefix>_<26 characters of Crockford base32>` (TypeID: a UUIDv7), so that ids
 * sort by the time they were made and `node(id)` knows the type.
 */
export const ID_PREFIXES = {
  Workspace: 'ws',
  ApiKey: 'key',
  Collection: 'col',
  Document: 'doc',
  Taxonomy: 'tax',
  Theme: 'thm',
  Classification: 'cls',
  Job: 'job',
  Integration: 'int',
  Attempt: 'att',
  Request: 'req',
  Reservation: 'rsv',
  Alert: 'alr',
  Import: 'imp',
  Conversation: 'conv',
  Message: 'msg',
  Generation: 'gen',
  Attachment: 'atc',
  Agent: 'agt',
  AgentRun: 'run',
  Insight: 'ins',
  Signal: 'sig',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const KIND_OF_PREFIX = new Map<string, IdKind>(
  Object.entries(ID_PREFIXES).map(([kind, prefix]) => [prefix, kind as IdKind]),
);

const ID_SHAPE = /^([a-z]{2,5})_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

export function newId(kind: IdKind): string {
  return typeid(ID_PREFIXES[kind]).toString();
}

/** The kind of thing an id names, or null where it is no id of ours. */
export function kindOfId(id: string): IdKind | null {
  const prefix = ID_SHAPE.exec(id)?.[1];
  return (prefix !== undefined && KIND_OF_PREFIX.get(prefix)) || null;
}
