/** Why a plugin was refused, for programs; docs/errors.md says what to do about each. */
export const REFUSAL_REASONS = [
  'ID_INVALID',
  'ID_TAKEN',
  'VERSION_INVALID',
  'SPEC_VERSION_UNKNOWN',
  'SCHEMA_INVALID',
  'CAPABILITIES_INVALID',
  'MANIFEST_INVALID',
  'MODULE_NOT_FOUND',
  'MODULE_OUTSIDE_FOLDER',
  'MODULE_FAILED',
  'URL_FORBIDDEN',
  'URL_UNREACHABLE',
  'CONFORMANCE_FAILED',
  'SHIPPED',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** A plugin that cannot be registered or unregistered; the message says why, and what to do. */
export class PluginRefusedError extends Error {
  override readonly name = 'PluginRefusedError';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.reason = reason;
  }
}

export class PluginNotFoundError extends Error {
  override readonly name = 'PluginNotFoundError';

  constructor(id: string, known: readonly string[]) {
    super(`there is no provider plugin ${JSON.stringify(id)}; there are: ${known.join(', ')}`);
  }
}
