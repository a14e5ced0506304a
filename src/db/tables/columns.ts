import { customType, timestamp } from 'drizzle-orm/pg-core';

/** A pgvector column without dimensions: vectors of every model live in one table. Written by db/vector.ts alone. */
export const vector = customType<{ data: string; driverData: string }>({ dataType: () => 'vector' });

/** The same in half precision. */
export const halfvec = customType<{ data: string; driverData: string }>({ dataType: () => 'halfvec' });

export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' });

export const tsvector = customType<{ data: string; driverData: string }>({ dataType: () => 'tsvector' });

export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** The number of a transaction: with a snapshot it tells what was committed since. */
export const transactionId = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' });

/** Events of a job in its row; written by triggers, and read by `unnest` alone. */
export const stateEvents = customType<{ data: string; driverData: string }>({ dataType: () => 'job_state_event[]' });
