/** A plugin that cannot be registered; the message says why. */
export class PluginRefusedError extends Error {
  override readonly name = 'PluginRefusedError';
}

export class PluginNotFoundError extends Error {
  override readonly name = 'PluginNotFoundError';

  constructor(id: string, known: readonly string[]) {
    super(`there is no provider plugin ${JSON.stringify(id)}; there are: ${known.join(', ')}`);
  }
}
