import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SIGNAL_TYPES } from '../../../../../src/domain/insights/signal.ts';

/** A text, the company that it is filed under, and the signals that a person sees in it: none in traps. */
const labelledText = z.object({
  /** Rules were written and tuned on the development half; the other half measures. */
  half: z.enum(['development', 'held-out']),
  register: z.string(),
  company: z.string().nullable(),
  text: z.string(),
  signals: z.array(z.object({ type: z.enum(SIGNAL_TYPES), company: z.string() })),
});
export type LabelledText = z.output<typeof labelledText>;

/** Written for this test: invented companies, persons and events. */
export const LABELLED_TEXTS: readonly LabelledText[] = readFileSync(
  new URL('./labelled-set.jsonl', import.meta.url),
  'utf8',
)
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => labelledText.parse(JSON.parse(line)));

/** The companies of the texts by the names that `company` gives them. */
export const COMPANIES: Readonly<Record<string, { name: string; website: string; stage?: string }>> = {
  frostvale: { name: 'Frostvale Cold Storage Ltd', website: 'https://www.frostvale.example' },
  kestrel: { name: 'Kestrelmoor Haulage', website: 'https://www.kestrelmoor.example' },
  brindle: { name: 'Brindlewick Foods plc', website: 'https://www.brindlewick.example' },
  tarnside: { name: 'Tarnside Pallet Network', website: 'https://tarnside.example' },
  osprey: { name: 'Osprey Quay Warehousing', website: 'https://osprey-quay.example' },
  kaskadia: { name: 'Kaskadia Appliances GmbH', website: 'https://kaskadia.example' },
  norrmark: { name: 'Norrmark Frys AB', website: 'https://norrmark.example' },
  lumenta: { name: 'Lumenta Health', website: 'https://lumenta.example' },
  quarry: { name: 'Quarrystone Analytics, Inc.', website: 'https://quarrystone.example' },
  velamar: { name: 'Velamar SAS', website: 'https://velamar.example' },
  dockly: { name: 'Dockly', website: 'https://dockly.example', stage: 'competitor' },
  yardwise: { name: 'Yardwise Ltd', website: 'https://yardwise.example', stage: 'competitor' },
};
