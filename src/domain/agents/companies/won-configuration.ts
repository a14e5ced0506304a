import { z } from 'zod';

/** What companies that buy have in their metadata, for every type of agent that compares with them. */
export const WON = z
  .record(z.string().max(100), z.json())
  .default({})
  .describe(
    'Metadata of the companies that buy, e.g. {"stage": "customer"}. Empty: seen by stages called customer, client, won, closed-won or live',
  );
