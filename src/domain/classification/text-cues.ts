import { beginsWithTitle } from '../documents/chunking.ts';

/**
 * Evidence that words give beside the vectors: the form of a question, a stack trace, "production is down". A sentence
 * encoder reads what a text is about better than what it wants; these patterns add the second.
 */

/** What a pattern adds to a label's score, and the words it was found in. */
export interface Cue {
  /** The label, as `family/label`. */
  readonly key: string;
  readonly weight: number;
  readonly quote: string;
}

interface CueRule {
  readonly keys: readonly string[];
  readonly weight: number;
  readonly pattern: RegExp;
}

const HAS_CRASHED = String.raw`(?:is|are|was|has been|have been|went|gone|goes) (?:\w+ )?(?:down|offline|unavailable|dead)`;

const FAULT =
  '(?:problem|trouble|issue|error|fault|crash(?:es)?|clash(?:es)?|failure|hiccup|glitch(?:es)?|hang|freeze|lock-?up|duplicate|mistake|mix-?up|collision|conflict|complaint)s?';

const RULES: readonly CueRule[] = [
  {
    keys: ['feedback/question', 'intent/ask_how_to'],
    weight: 0.2,
    pattern:
      /^\W*(?:question\b|how (?:do|does|can|to|should|would|is|are)\b|what\b|where\b|why\b|which\b|when\b|who\b|can (?:i|we|someone|anyone|you explain)\b|is (?:there|it|this)\b|are there\b|does\b|do (?:i|you|we)\b|any (?:idea|advice|way)\b)/iu,
  },
  { keys: ['feedback/question'], weight: 0.12, pattern: /^[^\n.!?]{8,160}\?/u },
  {
    keys: ['feedback/question'],
    weight: 0.15,
    pattern:
      /\b(?:(?:please|pls|can (?:any|some)(?:one|body)|could (?:any|some)(?:one|body)) (?:help|explain|advise|assist)|how (?:can|do|should|would|could) (?:i|we|one)\b|need (?:some |your )?help|any (?:help|advice|suggestions?|ideas?|pointers)\b|i (?:was|am|'m) wondering|(?:i'm|i am|i were|am i) (?:a )?(?:new to|beginner|confused|not sure|doing (?:something|anything) wrong)|what (?:am i|could be|is the (?:right|correct|best|recommended|proper)))/iu,
  },
  {
    keys: ['feedback/bug', 'intent/report_problem'],
    weight: 0.12,
    pattern:
      /\b(?:steps to reproduce|traceback|stack ?trace|segfault|segmentation fault|regression|crash(?:es|ed|ing)?|exception|freez(?:es|ing)|stopped working|(?:does ?n[o']?t|do ?n[o']?t|is not|isn'?t|not) work(?:ing)?|won'?t (?:open|load|start|install|play))\b/iu,
  },
  {
    keys: ['feedback/feature_request', 'intent/request_feature'],
    weight: 0.18,
    pattern:
      /\b(?:feature[ -]request|(?:please|pls|kindly) (?:add|support|include|bring|allow|consider)|(?:would|will) be (?:nice|great|good|cool|useful|helpful|better|awesome|perfect) (?:if|to|when)|i wish\b|(?:would|'d) (?:like|love) (?:to (?:see|have|be able)|if|an?\b)|add (?:support|an? (?:option|way|button|setting|flag))|there should be|need(?:s)? (?:an? )?option|should (?:add|support|allow)|proposal|describe the feature)/iu,
  },
  {
    // A wish as an order: "Hide finished tasks". Nouns that are verbs too ("Import fails") are not among them.
    keys: ['feedback/feature_request'],
    weight: 0.2,
    pattern:
      /^\W*(?:show(?!n)|hide|highlight|mark|colou?r|let (?!me know\b)|allow|enable|remember|remind|warn|notify|tell (?:me|us|them|people)|give (?:me|us|them|people)|send (?:me|us)|offer|provide|introduce|translate|dry[ -]run)\b(?! me how| us how)[^\n?]{4,}/iu,
  },
  {
    keys: ['feedback/feature_request'],
    weight: 0.15,
    pattern:
      /(?:[.!;]\s+|\n)(?:(?:please )?(?:let (?:us|me(?! know)|the|each|every|people|users)|give (?:me|us) (?:an?|the)|show (?:me|us)|warn (?:me|us)|tell (?:me|us) (?:when|before|if|on))\b|(?:i|we) (?:really )?(?:need|want) (?:an? |the option|to be able))/iu,
  },
  {
    keys: ['feedback/feature_request'],
    weight: 0.15,
    pattern:
      /\b(?:an? (?:\w+ ){1,6}would (?:help|show|save|let|allow|solve|make)|could (?:it|this|we|one|the \w+)\b(?! be\b)[^.!?\n]{3,80}\?|would be worth|only wish\b)/iu,
  },
  {
    keys: ['feedback/praise', 'intent/give_praise'],
    weight: 0.3,
    pattern:
      /\b(?:well done|hats off|kudos|bravo|credit where|spot[ -]on|keep (?:it|this) up|(?:is|was|are|works?|worked|runs?) (?:just |simply |really |absolutely )?(?:brilliant|perfect(?:ly)?|fantastic|superb|excellent|flawless(?:ly)?|wonderful|awesome|amazing|marvell?ous|a (?:gem|joy|delight|dream|treat)|rock[ -]solid)|like a charm|life ?saver|game ?changer|(?<!would have |could have )(?:saves?|saved|saving) (?:me|us|our \w+|my \w+) (?!the trouble)|thanks? (?:you )?(?:(?:very|so) much|for (?:listening|fixing|the (?:quick|great|lovely)))|what a relief)\b(?![\s\S]{0,400}(?<!\bas )\b(?:but|however|though|unfortunately)\b)/iu,
  },
  {
    // A fault that is named because it is gone.
    keys: ['feedback/praise'],
    weight: 0.4,
    pattern: new RegExp(
      String.raw`(?:\b(?:not (?:a|one) single|zero) (?:(?:\w+ )?${FAULT}|(?:wrong|failed|lost|missing|dropped|broken|double) \w+)\b|\bno (?:more )?(?:\w+ )?${FAULT} (?:since|for (?:\w+ ){1,2}(?:days|weeks|months|years)|so far)\b|^[^\n]{0,80}\bwithout (?:a |any )?(?:trouble|drama|hitch|hiccup|problems?)\b|\b(?:is|are) (?:finally |now )?(?:history|a thing of the past)\b|\bas (?:if|though) nothing had happened|\b(?:prints?|works?|runs?|opens?|plays?|loads?|syncs?) (?:\w+ )?again(?=[.!\n]|$))`,
      'iu',
    ),
  },
  { keys: ['feedback/bug'], weight: 0.15, pattern: /\b(?:issue|ticket|request) type\W{1,12}(?:bug|defect)/iu },
  {
    keys: ['feedback/feature_request'],
    weight: 0.3,
    pattern: /\b(?:issue|ticket|request) type\W{1,12}(?:feature|enhancement)/iu,
  },
  {
    keys: ['feedback/question'],
    weight: 0.3,
    pattern: /\b(?:issue|ticket|request) type\W{1,12}(?:support|question|help)/iu,
  },
  {
    keys: ['feedback/feature_request', 'intent/request_feature'],
    weight: 0.3,
    pattern:
      /\b(?:could|can|would|will) you (?:please |also |maybe )?(?:add|support|include|allow|bring|offer|implement|introduce)\b/iu,
  },
  {
    keys: ['feedback/improvement'],
    weight: 0.35,
    pattern:
      /\b(?:make|(?:could|should|needs? to|must) (?:\w+ )?be|would be) (?:(?:it|this|them|the \w+|much|a lot|a bit|way|more) ){0,2}(?:faster|quicker|clearer|easier|simpler|bigger|smaller|smoother|lighter|shorter|readable|intuitive|consistent)\b/iu,
  },
  {
    keys: ['urgency/critical', 'support priority/urgent'],
    weight: 0.5,
    pattern: new RegExp(
      String.raw`\b(?:outage|(?:the |our |your )?(?:whole|entire|complete) (?:system|site|website|platform|app|service|network|shop) (?:is |went |has been |was |seems )?(?:down|offline|dead|unreachable|unavailable)|(?:50[0234]|(?:internal )?server error|unreachable|unavailable|cannot connect|nothing works)[^.!?\n]{0,40}\b(?:for (?:everyone|everybody|all of us|all users)|on (?:every|all) (?:pages?|screens?|devices?)|everywhere)|data (?:loss|leak|breach)|(?:lost|losing|deleted|wiped) (?:all|every|our)\b[^.!?]{0,30}|(?:production(?: \w+)?|everything|(?:the|our|your) (?:\w+ ){0,2}(?:site|website|service|servers?|cluster|system|platform|shop|checkout|api)) ${HAS_CRASHED}|security (?:hole|breach|vulnerability|incident|flaw)|(?:been|was|were|got) hacked|ransomware|remote code execution|(?:card|identity|account) (?:was |has been |is )?stolen|emergency|corrupt(?:s|ed)? (?:the |our |my |all )?(?:database|data|files))\b`,
      'iu',
    ),
  },
  {
    keys: ['urgency/urgent', 'support priority/high'],
    weight: 0.45,
    pattern:
      /\b(?:(?<!not |n't )urgent(?:ly)?|asap|as soon as possible|(?:fix|help|answer|reply|respond|refund|call|need|solve)\w*\b[^.!?\n]{0,30} (?:immediately|right away|right now|today|tonight)|(?:can ?not|can't|unable to|could not) (?:work\b|log ?in|sign in|access (?:my|our)|pay)|locked out|(?:am|are|is|'re|'m) (?:\w+ )?blocked|deadline|(?:(?:must|have to|has to|need|want|require|expect|please|due|fix|solve|answer|deliver|wait)\w*\b)[^.!?\n]{0,60} (?:by|before|until) (?:today|tonight|tomorrow|noon|monday|tuesday|wednesday|thursday|friday)|need (?:an? |your )?(?:answer|reply|help|fix|solution|call)\b[^.!?\n]{0,15} now|(?:trucks?|lorries|drivers?|customers?|guests?|patients?|passengers?|people) (?:\w+ )?(?:(?:are|is) )?(?:waiting|queu(?:e?ing)|stuck|stranded)\b(?! (?:time|list|room|area|hours?)\b)|charged twice)\b/iu,
  },
  {
    keys: ['urgency/normal', 'support priority/low'],
    weight: 0.4,
    pattern:
      /\b(?:no (?:hurry|rush)|not urgent|isn'?t urgent|when you (?:have|find) (?:the )?time|some ?day|nice to have|minor|cosmetic|typo)\b/iu,
  },
];

/** Everyday texts are not urgent: what a label is worth before anything was read. */
export const PRIOR_SCORES: Readonly<Record<string, number>> = { 'urgency/normal': 0.2, 'support priority/normal': 0.1 };

/** Tags name topics: one called "outage" also stands on a thank-you for how one was handled. */
const TAG_LINE = /^(?:tags?|labels?|categor(?:y|ies))[^\S\n]*:.*$/gimu;

/** The evidence in the first 4,000 characters of a text. */
export function findCues(text: string): readonly Cue[] {
  const head = text.slice(0, 4000).replace(TAG_LINE, '');
  return RULES.flatMap(({ keys, weight, pattern }) => {
    const quote = pattern.exec(head)?.[0];
    return quote === undefined ? [] : keys.map((key) => ({ key, weight, quote: quote.trim() }));
  });
}

/** As much as an encoder that reads 128 tokens can use. */
const ENCODER_CHARACTERS = 1_000;

/**
 * The text that a classifier should read, and whose vector it wants: the title first and once, without code blocks, markup,
 * addresses and the empty headings of forms, which crowd out the person's own words.
 */
export function classifiableText(
  title: string | null | undefined,
  text: string,
  maxCharacters = ENCODER_CHARACTERS,
): string {
  const body = text
    .slice(0, 20_000)
    .replace(/<!--.*?-->/gs, ' ')
    .replace(/```.*?(?:```|$)/gs, ' ')
    .replace(/<[^<>]{1,200}>/g, ' ')
    .replace(/https?:\/\/\S+/g, ' ')
    .replace(/^[ \t]*(?:#+|>|[-*+]|\d+\.)[ \t]*/gm, '')
    .replace(/_No response_/gi, ' ')
    .replace(/[*_`]+/g, ' ')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/\s*\n\s*/g, '\n')
    .trim()
    .slice(0, maxCharacters);
  const heading = title?.trim();
  if (!heading || (body && beginsWithTitle(heading, text))) return body || text.trim().slice(0, maxCharacters);
  return body ? `${heading}${/[.!?]$/.test(heading) ? '' : '.'}\n${body}` : heading;
}
