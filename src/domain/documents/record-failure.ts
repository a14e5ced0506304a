import { isDatabaseUnavailable, isRolledBackByConflict } from '../../db/failures.ts';
import type { ProviderErrorKind } from '../../plugins/errors.ts';
import { DomainError } from '../../shared/errors.ts';
import { isProviderFailure, ProviderFailedError } from '../gateway/errors.ts';

/** A document that some work could not be done on, and why. */
export interface DocumentFailure {
  documentId: string;
  message: string;
}

/** What a provider refuses because of the text itself. */
const REFUSALS: ReadonlySet<ProviderErrorKind> = new Set([
  'bad_request',
  'context_length',
  'content_filter',
  'too_large',
]);
const MESSAGE_MAX_CHARACTERS = 300;

/** An item that failed alone, the others having been done without it. */
export interface FailedItem<Item> {
  item: Item;
  message: string;
}

/**
 * Does work on items together; where one of them spoils it, in halves until that one is alone. What is nobody's fault
 * among them (a provider that is down, an allowance that is used up, a database that is away, an abort) is thrown: it
 * would befall the others too. So is an unforeseen error that befalls every single item, which is no item's fault.
 * @param work may be called again with items that it was called with before
 * @returns those that failed, with the reason
 */
export async function workInHalves<Item>(
  items: readonly Item[],
  signal: AbortSignal,
  work: (items: readonly Item[]) => Promise<unknown>,
): Promise<FailedItem<Item>[]> {
  const failed = await inHalves(items, signal, work);
  const [first] = failed;
  if (first !== undefined && failed.length === items.length && failed.every(({ isRefusal }) => !isRefusal)) {
    throw first.error;
  }
  return failed.map(({ item, error }) => ({ item, message: failureMessage(error) }));
}

interface Failed<Item> {
  item: Item;
  error: unknown;
  isRefusal: boolean;
}

async function inHalves<Item>(
  items: readonly Item[],
  signal: AbortSignal,
  work: (items: readonly Item[]) => Promise<unknown>,
): Promise<Failed<Item>[]> {
  const [alone] = items;
  if (alone === undefined) return [];
  signal.throwIfAborted();
  try {
    await work(items);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (!mayBeOfOneItem(error)) throw error;
    if (items.length === 1) return [{ item: alone, error, isRefusal: isRefusal(error) }];
    const middle = Math.ceil(items.length / 2);
    const first = await inHalves(items.slice(0, middle), signal, work);
    return [...first, ...(await inHalves(items.slice(middle), signal, work))];
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ProviderFailedError && REFUSALS.has(error.kind);
}

/** A model that answers in no shape about one text may do so about that text alone. */
function mayBeOfOneItem(error: unknown): boolean {
  if (isRefusal(error)) return true;
  if (error instanceof ProviderFailedError) return error.kind === 'malformed';
  if (isProviderFailure(error) || error instanceof DomainError) return false;
  return !isDatabaseUnavailable(error) && !isRolledBackByConflict(error);
}

function failureMessage(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_MAX_CHARACTERS);
}
