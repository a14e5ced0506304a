/** What a client sees of a failure; the values of the API's `ErrorCode`. */
export const ERROR_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'BAD_INPUT',
  'CONFLICT',
  'LIMIT_REACHED',
  'BUDGET_EXCEEDED',
  'RATE_LIMITED',
  'SAFETY_BLOCKED',
  'PROVIDER_FAILED',
  'NO_PROVIDER',
  'QUERY_TOO_COSTLY',
  'UNAVAILABLE',
  'INTERNAL',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** A failure that the product expects: its message is for the client and says what to do. Everything else is masked. */
export abstract class DomainError extends Error {
  abstract readonly code: ErrorCode;
  /** What a typed error carries beside its message; shown in `extensions` of a GraphQL error too. */
  get details(): Record<string, unknown> {
    return {};
  }
}

export interface InputIssue {
  /** Where in the input, e.g. ['documents', '3', 'text']. */
  path: string[];
  message: string;
  /** For programs, where there are several ways to be wrong: why a plugin was refused. */
  reason?: string;
}

export class InvalidInputError extends DomainError {
  override readonly name = 'InvalidInputError';
  readonly code = 'BAD_INPUT';
  readonly issues: InputIssue[];

  constructor(issues: InputIssue[]) {
    super(
      issues
        .map((issue) => (issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message))
        .join('; '),
    );
    this.issues = issues;
  }

  static at(path: string, message: string): InvalidInputError {
    return new InvalidInputError([{ path: path.split('.'), message }]);
  }

  override get details(): Record<string, unknown> {
    return { issues: this.issues };
  }
}

/** Nothing there, or nothing that this workspace may know of: the two are never told apart. */
export class NotFoundError extends DomainError {
  override readonly name = 'NotFoundError';
  readonly code = 'NOT_FOUND';

  /**
   * @param called what the client named it by: an id, a name
   * @param there names of what there is, for a caller who may know them all
   */
  constructor(what: string, called: string, there?: readonly string[]) {
    const list = there === undefined ? '' : `; there are: ${there.length === 0 ? 'none' : there.join(', ')}`;
    super(`no ${what} ${JSON.stringify(called.slice(0, 80))} that this caller can see${list}`);
  }
}

export class ConflictError extends DomainError {
  override readonly name = 'ConflictError';
  readonly code = 'CONFLICT';
}

/** Something that Signalbox itself needs does not answer: the client may try again, nothing is wrong with its request. */
export class UnavailableError extends DomainError {
  override readonly name = 'UnavailableError';
  readonly code = 'UNAVAILABLE';
}
