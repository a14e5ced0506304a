import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SIGNAL_TYPES } from '../../../../../src/domain/insights/signal.ts';

/** A text, the company that it is filed under, and the signals that a person sees in it: none in traps. */
const labelledText = z.object({
  /**
   * Rules were written and tuned on the development half; the held-out half measured them. The fresh sets were written after
   * that, one after the other, and each was measured before anything was mended for it: precision and recall at first sight
   * were 0.96 and 0.84, 0.96 and 0.78, 0.97 and 0.80, 0.98 and 0.84, 0.95 and 0.83, 0.95 and 0.78 (idioms), 0.98 and 0.96
   * (plain sentences). What they show now is that nothing of it is lost again.
   */
  half: z.enum(['development', 'held-out', 'fresh']),
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
  acme: { name: 'Acme Ltd', website: 'https://www.acme.example' },
  brightwater: { name: 'Brightwater Logistics Ltd', website: 'https://www.brightwater.example' },
  nordlys: { name: 'Nordlys Energi AS', website: 'https://www.nordlys.example' },
  pellucid: { name: 'Pellucid AI, Inc.', website: 'https://www.pellucid.example' },
  hartwell: { name: 'Hartwell & Sons', website: 'https://www.hartwell.example' },
  grupo: { name: 'Grupo Almendra S.A.', website: 'https://www.grupo.example' },
  zephyr: { name: 'Zephyr Robotics GmbH', website: 'https://www.zephyr.example' },
  mayfair: { name: 'Mayfield Dental Group', website: 'https://www.mayfair.example' },
  okto: { name: 'Okto Software', website: 'https://www.okto.example' },
  candor: { name: 'Candor Bank plc', website: 'https://www.candor.example' },
  tilia: { name: 'Tilia Foods', website: 'https://www.tilia.example' },
  rivalio: { name: 'Rivalio', website: 'https://rivalio.example', stage: 'competitor' },
};
