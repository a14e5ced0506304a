import { datesIn } from './dates.ts';
import type { Match, Objection } from './finding.ts';

const NEGATION =
  /(?<![\p{L}])(?:no (?:\w+ )?(?:plans?|intention|intent|need|longer|desire|interest|budget|appetite|decision|word|news|evidence|truth|talk|date|sign|immediate|further|current|announcement|intention|reason|one)|not(?! only| just| long after| least)|never|\p{L}{2,8}n['’]t|cannot|without|neither|nor|nobody|none of|rul(?:es|ed|ing) out|den(?:y|ies|ied|ying)|refus\w+|declin(?:e|es|ed|ing) to|reject(?:s|ed)|fail(?:s|ed)? to|unable to|instead of (?:rais|open|hir|appoint|adopt|expan|enter)\w*|rather than (?:rais|open|hir|appoint|adopt|expan|enter|build)\w*|cancel(?:s|led|ed|ling)?|postpon\w+|shelv(?:e|es|ed|ing)|scrapp(?:ed|ing)|scraps|abandon(?:s|ed|ing)?|stopp?(?:s|ed|ing)?|paus(?:e|es|ed|ing)|froze|freez\w+|halt(?:s|ed|ing)?|far from|unlikely to|decided against|walk(?:ed|ing) away from|pull(?:ed|ing) out of|nothing (?:about|on)|backed? out of|drop(?:ped|s) (?:its |their |the )?plans|zero|dismiss(?:ed|es) (?:reports|rumours|talk|suggestions)|quash\w+|too early to|isn['’]t|no-one|nicht|keine?[nrms]?|dementier\w+|aucune?|ne (?:\p{L}+ ){1,3}pas|n['’]\p{L}+ pas|sans|pas de)(?![\p{L}])/iu;
const UNDONE =
  /(?<![\p{L}])(?:(?:was|were|is|been|are|got|be) (?:\w+ )?(?:cancel(?:l?ed)|postponed|scrapped|shelved|abandoned|called off|delayed indefinitely|denied|rejected|withdrawn|frozen|paused|ruled out|put on (?:hold|ice)|on hold|on ice|off the table|dead)|fell (?:through|apart)|falls through|collapsed|did(?: not|n['’]t) (?:happen|close|materiali[sz]e|go ahead|go through)|(?:is|was|are|were) (?:false|untrue|not true|fake|fabricated|just a rumou?r|only a rumou?r|wishful thinking|a joke|an april fool\w*)|(?:has|have|is|are|was|were)(?:n['’]t| not) (?:yet )?(?:been )?(?:found|hired|named|appointed|decided|confirmed|chosen|signed|closed|opened|made)|never (?:happened|materiali[sz]ed|closed|went ahead)|turned out to be|that was wrong|fake news|is a hoax|did not go ahead|no longer (?:planned|happening|going ahead))(?![\p{L}])/iu;
const HYPOTHESIS =
  /(?<![\p{L}])(?:if(?! only)|unless|would|could|might|imagine|suppos(?:e|ed|ing)|pretend|hypothetical\w*|in case|assum(?:e|es|ing)|were to|let['’]s say|whether|wish(?:es|ed)?|dream(?:s|t|ed|ing)?|hop(?:e|es|ed|ing) to|would like to|rumou?r\w*|speculat\w+|gossip|allegedly|some ?day|one day|eventually|toying with|thinking (?:about|of)|mull(?:s|ed|ing)|weighing up|ponder\w*|undecided|consider(?:s|ed|ing)|exploring (?:the|a|an|whether|options)|debating|wonder(?:s|ed|ing)?|(?<!(?:in|of|since|until|by|from|last|early|late|mid|this|\d|-) )may (?:also |soon |then |still |eventually )?$|may (?:or may not|one day|well|yet|have to|need to|be|raise|open|hire|appoint|expand|adopt|consider|want|file|enter|look)|perhaps|maybe|falls|würden?|könnten?|vielleicht|falls|pourrait|peut-être|envisage\w*|(?:a|an) (?:idea|option|possibility))(?![\p{L}])/iu;
const MADE_UP =
  /(?<![\p{L}.])(?:for (?:example|instance)|e\.g\.|for illustration|(?:example|sample|template|placeholder|dummy|test data|demo data|fixture|fictional|fictitious|lorem ipsum|mock(?:ed|-?up)?|quiz|crossword|novel|film|movie|video game|sitcom|case study exercise|exercise:|training scenario|role-?play|homework|mad libs|headline generator|screenplay|seed data|dataset|acme corp example)|x, y and z|\[company\]|\{\{|<company>|xxx+|n\/a)(?![\p{L}])/iu;
const POLICY =
  /(?<![\p{L}])(?:our policy|policy (?:states|says|is|requires)|policies|handbook|guidelines?|pursuant|clause \d|section \d+|article \d+|shall|must (?:be|not|also|file|notify)|in accordance with|subject to approval|terms and conditions|code of conduct|the procedure|standard operating|any (?:director|employee|company|officer|new (?:cfo|ceo|hire))|every (?:company|director|employee|new)|all (?:companies|directors|employees)|is required to|are required to|are obliged)(?![\p{L}])/iu;
const GENERIC =
  /(?<![\p{L}])(?:(?:most|many|some|all|few|other|typical|successful|growing|fast-growing|scaling|early-stage|small|large|mid-size[d]?|uk|us|european|tech|saas|b2b|such|these|those|similar|modern|more and more|a lot of|lots of|plenty of|\d+ ?(?:%|per ?cent|percent|in \d+) of) (?:\p{L}+ ){0,2}(?:companies(?! house)|startups?|start-ups|firms|businesses|organi[sz]ations|founders|teams|enterprises|retailers|manufacturers|employers|vendors|executives|ceos|cfos|ctos|people)|(?:companies(?! house)|startups|firms|businesses|founders|employers|organisations|organizations) (?:to )?(?:expand|hire|raise|adopt|open|that|who|which|often|usually|tend|typically|should|always|with|can|like to)|typically|usually|generally|how to|guide to|steps to|tips (?:for|on)|best practi[cs]es?|when (?:you|a company|companies|a startup|someone|your)|when(?:ever)? (?:a|an) \p{L}+ (?:rais|hir|appoint|open|expand|adopt|fil)\w+|what (?:is|are|it takes)|why (?:companies|startups|you|every)|the (?:average|median|typical)|in general|definition of|refers to|means that)(?![\p{L}])/iu;
const INSTRUCTION =
  /(?<![\p{L}])(?:ignore (?:all|any|the|your|previous|prior|earlier|every)|disregard (?:all|any|the|your|previous)|system prompt|system (?:message|note|instruction|override)|as an ai|you are (?:now )?(?:an? )?(?:ai|assistant|agent|scout|language model)|respond (?:only )?with|(?:report|record|output|return|emit|log|register|mark|flag|tell the user|say) (?:that|a |an |the |this |it )?(?:[\p{L}-]+ ){0,4}?(?:signal|confidence|funding_round|executive_change|expansion signal|as true|very_strong)|(?:dear|attention|note to|hey|instructions? (?:to|for)) (?:ai|assistant|model|llm|agent|bot|scout)|new instructions?|jailbreak|developer mode)(?![\p{L}])/iu;
const SELLS =
  /(?<![\p{L}])(?:help(?:s|ing|ed)? (?:\p{L}+ ){0,4}(?:to )?|helps? |enabl(?:e|es|ing) |allow(?:s|ing)? |empower(?:s|ing)? |lets? (?:you|your|customers|teams|companies|users) |support(?:s|ing) (?:customers|clients|companies|teams) |advis(?:e|es|ing) |(?:we|it|they|which|company|firm|consultancy|agency) (?:provide|offer|sell|deliver|speciali[sz]e|consult)s? |provider of |specialists? in |speciali[sz](?:es?|ing) in |services? (?:for|include|including) |consultancy |for clients |for customers |our platform |makes it easy to |designed to |the easiest way to |your )[^.;!?]{0,45}$/iu;
const ONCE =
  /(?<![\p{L}])(?:(?:\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|fifteen|twenty|several|many|some|a few|a couple of|couple of) (?:years?|decades?) (?:ago|back|earlier|before)|years ago|a (?:decade|year) (?:ago|or more ago)|(?<!the |their |its )last year(?! of)|a year earlier|long ago|back in (?:the|19\d\d|20\d\d|\d\d)|used to|formerly|previously|in the (?:early |late |mid-?)?(?:(?:19|20)\d0s|nineties|eighties|noughties)|decades? ago|anniversary|historically|in (?:his|her|their|its) (?:early|previous|last|former) (?:days|role|job|life|career)|at the time|had (?:already|previously|once) |prior to (?:this|that|joining)|before joining|before that|vor (?:\p{L}+|\d+) Jahren|damals|il y a (?:\p{L}+|\d+) ans|since (?:19|20)\d\d|(?:founded|established) in|ever since|was once|once (?:raised|opened|worked|was))(?![\p{L}])/iu;
/** Where another thing begins to be said. */
const CLAUSE =
  /[;:()–—]|,? (?:but|however|although|though|while|whereas|yet|aber|mais|so|and (?:it|they|the company|is|are|has|have|will|also|now|instead|today)) | ?- |, (?=and |who |which |it |they |the company )/gu;
const PAUSE = /,\s/gu;
const SCOPE_CHARACTERS = 90;

/** What is known of the text around a sentence. */
export interface GuardContext {
  /** When the text was written. */
  readonly writtenAt: Date;
  /** What is told of a longer time before is history. */
  readonly horizonDays: number;
  /** The next sentence, or ''. */
  readonly after: string;
}

/** Why a match is no signal: what the words around it make of it; null where nothing speaks against it. */
export function objectionTo(sentence: string, match: Match, context: GuardContext): Objection | null {
  const objection = findObjection(sentence, match, context);
  return objection !== null && match.allows?.includes(objection) === true ? null : objection;
}

function findObjection(sentence: string, match: Match, context: GuardContext): Objection | null {
  const allows = (objection: Objection) => match.allows?.includes(objection) === true;
  const { before, clause } = surroundings(sentence, match);
  if (INSTRUCTION.test(sentence)) return 'instruction';
  if (!allows('question') && isQuestion(sentence)) return 'question';
  if (MADE_UP.test(sentence)) return 'hypothetical';
  if (!allows('policy') && POLICY.test(sentence)) return 'policy';
  if (!allows('generic') && GENERIC.test(sentence)) return 'generic';
  if (
    !allows('negated') &&
    (NEGATION.test(before) || UNDONE.test(sentence.slice(match.start)) || UNDONE.test(context.after.slice(0, 80)))
  )
    return 'negated';
  if (!allows('hypothetical') && HYPOTHESIS.test(before)) return 'hypothetical';
  if (!allows('sells') && SELLS.test(before)) return 'sells';
  return isHistory(sentence, clause, match, context) ? 'past' : null;
}

/** Questions that tell: "Did you see that they closed their round?" */
const TELLING =
  /(?:^|[,:;–—-] |\n)(?:did you (?:see|hear|know|notice)|have you (?:seen|heard)|(?:you )?(?:saw|seen|heard) (?:that|the|about)|guess (?:who|what)|you know that)(?![\p{L}])/iu;

function isQuestion(sentence: string): boolean {
  return /\?["'”’)]?\s*$/u.test(sentence) && !TELLING.test(sentence);
}

/** The clause of a match, and what of it stands before. */
function surroundings(sentence: string, { start, end }: Match): { before: string; clause: string } {
  let from = Math.max(0, start - SCOPE_CHARACTERS);
  let to = sentence.length;
  for (const found of sentence.matchAll(CLAUSE)) {
    const breakEnd = found.index + found[0].length;
    if (breakEnd <= start) from = Math.max(from, breakEnd);
    else if (found.index >= end) {
      to = found.index;
      break;
    }
  }
  // "If they raise again, ..." rules what follows the comma; "not X, but" was cut above.
  return { before: sentence.slice(from, start), clause: sentence.slice(from, to) };
}

/** Whether what a match says was long before the text was written. */
function isHistory(sentence: string, clause: string, match: Match, { writtenAt, horizonDays }: GuardContext): boolean {
  const opening = sentence.slice(0, 60).split(PAUSE)[0] ?? '';
  if (
    ONCE.test(withoutAsides(clause, match, sentence)) ||
    (opening.length < 50 && ONCE.test(opening) && !sentence.slice(match.start).includes('now '))
  )
    return true;
  const dates = datesIn(sentence, writtenAt);
  if (dates.length === 0) return false;
  const nearest = dates.reduce((best, date) =>
    Math.abs(date.place - match.start) < Math.abs(best.place - match.start) ? date : best,
  );
  const oldest = writtenAt.getTime() - horizonDays * 86_400_000;
  return nearest.until.getTime() < oldest && dates.every((date) => date.until.getTime() < oldest || date === nearest);
}

/** "Jane Roe, previously CFO of Tarn, becomes CEO": what stands between commas is about somebody, not about the change. */
function withoutAsides(clause: string, match: Match, sentence: string): string {
  const offset = sentence.indexOf(clause);
  const parts = clause.split(PAUSE);
  let at = offset;
  for (const part of parts) {
    const end = at + part.length;
    if (match.start >= at && match.start <= end) return part;
    at = end + 2;
  }
  return clause;
}
