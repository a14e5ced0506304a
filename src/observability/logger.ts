import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

/** Structured logs on standard error, so that what `npm start` tells a person stays readable on standard output. */
export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      base: { service: 'signalbox' },
      redact: {
        paths: ['authorization', '*.authorization', 'headers.authorization', 'secret', '*.secret'],
        censor: '[redacted]',
      },
    },
    pino.destination({ fd: 2, sync: false }),
  );
}
