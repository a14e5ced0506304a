import feedback from './banks/feedback.json' with { type: 'json' };
import intent from './banks/intent.json' with { type: 'json' };
import reviews from './banks/reviews.json' with { type: 'json' };
import sentiment from './banks/sentiment.json' with { type: 'json' };
import supportPriority from './banks/support-priority.json' with { type: 'json' };
import urgency from './banks/urgency.json' with { type: 'json' };
import { spokenLabelName } from './taxonomy.ts';

/** Sentences that show what a label means, written for this product. */
export interface PrototypeBank {
  readonly description: string;
  readonly examples: readonly string[];
}

const FAMILIES: Readonly<Record<string, Readonly<Record<string, PrototypeBank>>>> = {
  feedback,
  reviews,
  urgency,
  'support priority': supportPriority,
  sentiment,
  intent,
};

/** Which bank a label of a workspace may borrow, by the name that people give to the same thing. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  'feedback/bug': [
    'bug report',
    'defect',
    'fault',
    'error',
    'crash',
    'problem',
    'problem report',
    'issue',
    'incident',
    'bugs',
  ],
  'feedback/feature_request': [
    'feature',
    'features',
    'request',
    'enhancement',
    'idea',
    'suggestion',
    'wish',
    'proposal',
    'new feature',
  ],
  'feedback/improvement': ['improvements', 'optimization', 'optimisation', 'usability improvement'],
  'feedback/question': [
    'questions',
    'support',
    'help',
    'help request',
    'support request',
    'inquiry',
    'enquiry',
    'how to',
  ],
  'feedback/praise': ['compliment', 'kudos', 'positive feedback', 'thanks', 'appreciation'],
  'feedback/complaint': ['complaints', 'negative feedback', 'dissatisfaction', 'criticism'],
  'reviews/rating': ['ratings', 'verdict', 'overall rating', 'general opinion'],
  'reviews/user_experience': ['experience', 'ux', 'usage experience', 'usability'],
  'reviews/documentation': ['docs', 'manual', 'tutorial'],
  'reviews/performance': ['speed', 'slowness', 'latency'],
  'reviews/delivery': ['shipping', 'shipment', 'parcel', 'courier', 'order tracking'],
  'sentiment/negative': ['unhappy', 'bad'],
  'sentiment/neutral': ['no opinion', 'factual'],
  'sentiment/positive': ['happy', 'good'],
  'urgency/critical': ['blocker', 'p0', 'emergency', 'severe'],
  'urgency/urgent': ['p1', 'asap'],
  'support priority/low': ['minor', 'trivial', 'low priority'],
  'support priority/high': ['major', 'high priority', 'important'],
  'intent/ask_how_to': ['howto', 'instructions', 'information', 'general question'],
  'intent/ask_pricing': ['pricing', 'price', 'prices', 'sales', 'cost', 'quote'],
  'intent/billing_issue': ['billing', 'invoice', 'payment', 'payments', 'payment problem', 'charges'],
  'intent/cancel_or_refund': ['cancel', 'cancellation', 'refund', 'refunds', 'return', 'returns', 'churn'],
  'intent/account_access': ['account', 'login', 'log in', 'sign in', 'password', 'authentication'],
  'intent/compare_or_evaluate': ['comparison', 'evaluation'],
  'intent/contact_human': ['human', 'agent', 'talk to agent', 'handoff', 'call back'],
  'intent/other': ['others', 'misc', 'miscellaneous', 'none', 'small talk', 'smalltalk'],
};

const keyBySpokenName = indexNames();

/** The labels of a family with their banks, in the family's order. */
export function familyOf(name: string): Readonly<Record<string, PrototypeBank>> {
  const family = FAMILIES[spokenLabelName(name)];
  if (!family)
    throw new RangeError(`There is no prototype family "${name}"; there are: ${Object.keys(FAMILIES).join(', ')}`);
  return family;
}

/**
 * The bank that shows what a label means, if its name is that of a label we know or a synonym of it. A label whose
 * dimension carries a family's name looks there first, so that `priority: normal` does not borrow from `urgency`.
 *
 * @returns its key, e.g. `feedback/bug`, and the bank
 */
export function borrowBank(labelName: string, dimensionName: string): { key: string; bank: PrototypeBank } | undefined {
  const spoken = spokenLabelName(labelName);
  const dimension = spokenLabelName(dimensionName);
  for (const family of Object.keys(FAMILIES)) {
    if (dimension !== family && !family.endsWith(` ${dimension}`)) continue;
    for (const [name, bank] of Object.entries(familyOf(family))) {
      if (spokenLabelName(name) === spoken) return { key: `${family}/${name}`, bank };
    }
  }
  const key = keyBySpokenName.get(spoken);
  const bank = key === undefined ? undefined : bankByKey(key);
  return key === undefined || bank === undefined ? undefined : { key, bank };
}

function bankByKey(key: string): PrototypeBank | undefined {
  const [family = '', label = ''] = key.split('/');
  return FAMILIES[family]?.[label];
}

function indexNames(): ReadonlyMap<string, string> {
  const index = new Map<string, string>();
  for (const [key, synonyms] of Object.entries(SYNONYMS)) for (const synonym of synonyms) index.set(synonym, key);
  for (const [family, labels] of Object.entries(FAMILIES)) {
    for (const label of Object.keys(labels)) {
      const spoken = spokenLabelName(label);
      if (!index.has(spoken)) index.set(spoken, `${family}/${label}`);
    }
  }
  return index;
}
