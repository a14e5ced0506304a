import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  getOperationAST,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { Caller } from '../domain/access/caller.ts';
import type { GraphContext } from '../schema/context.ts';

/** Results of one event that are kept: clients of one event ask for it in few ways. */
const MAX_RESULTS = 16;

type Results = AsyncGenerator<ExecutionResult, void>;

/** What one execution of an event gave, and whether it looked at who asked. */
interface Outcome {
  result: ExecutionResult;
  isPersonal: boolean;
}

/** How a subscription wants its events. */
interface Plan {
  args: ExecutionArgs;
  context: GraphContext;
  /** Equal where the same event gives the same result, whoever asks. */
  key: string;
  /** Equal where the same caller asks for the same. */
  personalKey: string;
}

/**
 * Executes an event once for all subscribers that ask for the same of it: those who are given the same event object with
 * the same document and variables get the same result object. Where a resolver has looked at the caller, or at anything
 * that was made for its request, only the subscribers of that caller do.
 */
export function useSharedResults(): Plugin<GraphContext> {
  const events = new WeakMap<object, Map<string, Outcome | Promise<Outcome>>>();
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(async (args: ExecutionArgs) => {
        const source = await createSourceEventStream(args);
        if (!isAsyncIterable(source)) return source;
        const plan = planOf(args);
        return mapped(source as AsyncGenerator<object, void>, (event) => resultOf(events, event, plan));
      });
    },
  };
}

function resultOf(
  events: WeakMap<object, Map<string, Outcome | Promise<Outcome>>>,
  event: object,
  plan: Plan,
): ExecutionResult | Promise<ExecutionResult> {
  let outcomes = events.get(event);
  if (outcomes === undefined) {
    outcomes = new Map();
    events.set(event, outcomes);
  }
  const known = outcomes.get(plan.key);
  if (known === undefined) return resultIn(outcomes, plan.key, event, plan);
  // A failure is nobody else's: who waited for it asks for itself.
  const again = ({ result }: Outcome) =>
    result.errors === undefined ? resultOf(events, event, plan) : resultFrom(outcomeOf(event, plan));
  if (known instanceof Promise) return known.then(again);
  if (!known.isPersonal) return known.result;
  const own = outcomes.get(plan.personalKey);
  if (own === undefined) return resultIn(outcomes, plan.personalKey, event, plan);
  return own instanceof Promise ? own.then(again) : own.result;
}

/** Executes and keeps what came of it, unless that was an error, which may be another one the next time. */
function resultIn(
  outcomes: Map<string, Outcome | Promise<Outcome>>,
  key: string,
  event: object,
  plan: Plan,
): ExecutionResult | Promise<ExecutionResult> {
  const outcome = outcomeOf(event, plan);
  if (outcomes.size >= MAX_RESULTS) return resultFrom(outcome);
  const keep = (settled: Outcome) => {
    outcomes.delete(key);
    if (settled.result.errors !== undefined) return settled.result;
    outcomes.set(key, settled);
    if (settled.isPersonal) outcomes.set(plan.personalKey, settled);
    return settled.result;
  };
  if (!(outcome instanceof Promise)) return keep(outcome);
  outcomes.set(key, outcome);
  outcome.catch(() => outcomes.delete(key));
  return outcome.then(keep);
}

function resultFrom(outcome: Outcome | Promise<Outcome>): ExecutionResult | Promise<ExecutionResult> {
  return outcome instanceof Promise ? outcome.then(({ result }) => result) : outcome.result;
}

function outcomeOf(event: object, { args, context }: Plan): Outcome | Promise<Outcome> {
  let isPersonal = false;
  const contextValue = new Proxy(context, {
    get(target, name, receiver) {
      // By symbols the schema's builder keeps what it caches; resolvers ask by name.
      if (typeof name === 'string') isPersonal = true;
      return Reflect.get(target, name, receiver);
    },
  });
  const result = execute({ ...args, contextValue, rootValue: event });
  if (!(result instanceof Promise)) return { result, isPersonal };
  return result.then((settled) => ({ result: settled, isPersonal }));
}

const documentIds = new WeakMap<DocumentNode, number>();
let documents = 0;

function planOf(args: ExecutionArgs): Plan {
  const { document, operationName, variableValues } = args;
  let documentId = documentIds.get(document);
  if (documentId === undefined) {
    documents += 1;
    documentId = documents;
    documentIds.set(document, documentId);
  }
  const context = args.contextValue as GraphContext;
  const used = variablesOfEvents(document, operationName).map((name) => [name, variableValues?.[name]]);
  const key = JSON.stringify([documentId, operationName, used]);
  return { args, context, key, personalKey: `${key} ${JSON.stringify(identityOf(context.caller))}` };
}

function identityOf({ kind, workspace, role, apiKeyId, userId }: Caller): unknown[] {
  return [kind, workspace?.id, role, apiKeyId, userId];
}

const variableNames = new WeakMap<OperationDefinitionNode, readonly string[]>();

/**
 * Variables that an event's result depends on: all but those that are arguments of the subscribed field alone, such as
 * the number that each subscriber goes on from.
 */
function variablesOfEvents(document: DocumentNode, operationName: string | null | undefined): readonly string[] {
  const operation = getOperationAST(document, operationName);
  if (operation == null) return [];
  const known = variableNames.get(operation);
  if (known !== undefined) return known;
  const names = new Set<string>();
  const [root, ...others] = operation.selectionSet.selections;
  // A root field within a fragment is rare: then all variables count.
  const isPlain = root?.kind === 'Field' && others.length === 0;
  const parts = isPlain ? [...(root.directives ?? []), root.selectionSet] : [document];
  const fragments = document.definitions.filter(({ kind }) => kind === 'FragmentDefinition');
  for (const part of [...parts, ...fragments]) {
    if (part === undefined) continue;
    visit(part, {
      Variable: ({ name }) => {
        names.add(name.value);
      },
    });
  }
  const sorted = [...names].sort();
  variableNames.set(operation, sorted);
  return sorted;
}

/** The results of a source, one for each of its events; left where it is left. */
function mapped(
  source: AsyncGenerator<object, void>,
  resultFor: (event: object) => ExecutionResult | Promise<ExecutionResult>,
): Results {
  return {
    async next() {
      const { value, done } = await source.next();
      return done ? { value: undefined, done } : { value: await resultFor(value), done: false };
    },
    async return() {
      await source.return?.();
      return { value: undefined, done: true };
    },
    async throw(error) {
      await source.throw?.(error);
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await source.return?.();
    },
  };
}
