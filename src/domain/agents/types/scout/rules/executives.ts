import { certainty, firstMatch, knownFacts, type Match, type Rule } from '../finding.ts';
import { NAME, NO_NAME, PERSON } from '../vocabulary.ts';

const AREA =
  '(?:finance|financial|operations|operating|sales|marketing|commercial|technical|technology|it|hr|people|creative|logistics|supply chain|plant|country|regional|group|engineering|product|procurement|purchasing|customer|digital|data|security|information|strategy|legal|medical|research|growth|revenue|human resources)';
/** Who decides in a company. */
export const ROLE = `(?:(?:(?:co-?|deputy |acting |interim |group |global |regional |uk |us )?(?:ceo|cfo|coo|cto|cio|cmo|cro|cpo|ciso|chro|cdo|cco|cso|caio|evp|svp|vp|pdg|daf|dsi|drh))(?: (?:of )?(?:${AREA})(?: (?:and|&) ${AREA})?)?|chief (?:of staff|[a-z]{3,15}(?: (?:and |& )?[a-z]{3,15}){0,2} officer|executive(?: officer)?)|(?:managing|executive|non-executive|creative|deputy|site|${AREA})(?: ${AREA})? (?:director|chief)|director of [a-z]{2,20}(?: [a-z]{3,20})?|(?!(?:their|with|every|each|first|company|from|film|music|stage|funeral|theatre|casting|named|appoint|appoints|appointed|hires|hired|former|another|current|previous|that|this|when|said|your|independent|board|joint|whose|other|these|those) )(?<![\\p{L}])[a-z]{4,14} director|(?:senior |executive )?vice[ -]president(?: (?:of|for) [a-z]{3,20}(?: [a-z]{3,20})?)?|(?<!vice )president|chair(?:man|woman|person)?(?! lift| cover| leg)(?: of the board)?|(?:global )?head of [a-z]{2,20}(?: (?:and |& )?[a-z]{3,20})?|general (?:manager|counsel)|(?:treasurer|company secretary|financial controller|group controller)|(?:it|operations|procurement|purchasing|plant|factory|site|warehouse|supply chain|logistics|marketing|hr|facilities|transport|fleet|finance|engineering|maintenance) (?:manager|lead)(?! (?:role|job|vacancy))|country manager|board (?:member|director|seat)|member of the board|non-exec|co-?founder|founder|(?:finance|technology|tech|security|sales|marketing|operations|product) (?:chief|boss)|md\\b(?!\\))|geschäftsführer(?:in)?|vorstandsvorsitzende[rn]?|vorstand|finanzvorstand|finanzchef(?:in)?|vertriebsleiter(?:in)?|it-leiter(?:in)?|betriebsleiter(?:in)?|direct(?:eur|rice) (?:général|générale|financier|financière|technique|commercial|commerciale|marketing|des \\p{L}{3,20}|de la \\p{L}{3,20}|du \\p{L}{3,20})|président(?:e)?)(?![\\p{L}])`;
const AS_ARRIVES =
  'mov(?:es|ed|ing) (?:from [^.;,]{2,40}? )?(?:to|across)|(?:comes?|came|coming) (?:in|on board|aboard|over)|(?:lands|landed|hires|hire|snaps up|snapped up|signs|signed)|returns? as|returned as|appoint(?:s|ed|ing)|appointment of|named|names|naming|hir(?:ed|es)|promot(?:es|ed|ing)|promotion of|elevat(?:es|ed|ion of)|tapp(?:ed|ing)|taps|poach(?:es|ed)|recruit(?:s|ed)|welcom(?:e|es|ed|ing)|join(?:s|ed|ing)?|tak(?:es|ing|en) (?:over|on|up|the helm|the reins|charge)|took (?:over|on|up|the helm|the reins|charge)|steps? (?:up|in|into)|stepp(?:ed|ing) (?:up|in|into)|succeed(?:s|ed|ing)?|replac(?:es|ed|ing)|brings? (?:in|on|aboard)|bringing (?:in|on)|brought (?:in|on|aboard)|elect(?:ed|s)|start(?:s|ed|ing)? as|beg(?:ins|an) as|assum(?:es|ed|ing)|becom(?:e|es|ing)|became|made|unveil(?:s|ed)|installed|picked|chosen|selected|handed|has a new|have a new|got a new|gets a new|is our new|confirmed|introduc(?:es|ed|ing)|announc(?:es|ed|ing)|ernennt|ernannt|bestellt|beruft|berufen|wird|übernimmt|holt|nomme|nommée?|prend|promue?|rejoint|arrive|recruté|désigne';
const LEAVES =
  'step(?:s|ped|ping)? (?:down|aside|back|away)|st(?:and(?:s|ing)?|ood) (?:down|aside)|(?:say(?:s|ing)|said|wav(?:es|ed|ing)) (?:goodbye|farewell)|bid(?:s|ding)? farewell|vacat(?:es|ed|ing)|relinquish(?:es|ed|ing)|relieved|dismiss(?:es|ed|al)|parts? (?:ways|company)|calls? it a day|resign(?:s|ed|ing|ation)?|depart(?:s|ed|ing|ure)?|leav(?:es|ing)|left|to leave|retir(?:e|es|ing|ement)(?! (?:the|its|our|this|that) )|retired (?:on|in|from|last|this|at)|has retired|quit(?:s|ting)?|oust(?:ed|s)|(?:been |was |were |has |got |is )(?:fired|sacked|dismissed|removed|let go|suspended|replaced|shown the door)|exit(?:s|ed|ing)?|is out(?! of)|hand(?:s|ed|ing)? over|no longer|mov(?:es|ed|ing) on|bow(?:s|ed|ing) out|gone|parted (?:ways|company)|parting (?:ways|company)|last day|handed in|hands in|gave notice|given notice|serving (?:his|her|their) notice|gardening leave|has died|died|passed away|geht|gehen|on (?:his|her|their) way out|tritt|zurückgetreten|rücktritt|verlässt|scheidet|ausgeschieden|quitte|démissionne|démission|part à la retraite|départ';
const BETWEEN = '[^.;!?]';
const ARRIVAL = new RegExp(
  `(?<![\\p{L}-])(?<verb>${AS_ARRIVES})(?![\\p{L}])${BETWEEN}{0,75}?(?<![\\p{L}/])(?<role>${ROLE})`,
  'iu',
);
const ARRIVAL_AFTER = new RegExp(
  `(?<![\\p{L}/])(?<role>${ROLE})${BETWEEN}{0,45}?(?<![\\p{L}-])(?<verb>(?:has |have |was |were |is |will be |been )?(?:appointed|named|hired|promoted|recruited|sworn in|installed|elected|announced|unveiled|(?:being )?brought in|being (?:hired|recruited|appointed)|nachfolger(?:in)?|folgt auf|ernannt|berufen|bestellt|nommée?)|starts|started|joins|joined|joining|takes? (?:the )?(?:helm|reins|charge)|at the helm|takes? (?:over|up)|took (?:over|up)|taking over|arriv(?:es|ed)|in place|on board|onboard)(?![\\p{L}])`,
  'iu',
);
const NEW_ROLE = new RegExp(
  `(?<![\\p{L}-])(?<verb>new|incoming|newly appointed|newly hired|freshly appointed|neue[rn]?|nouveau|nouvelle|nouvel|interim) (?:${BETWEEN}{0,14} )?(?<role>${ROLE})`,
  'iu',
);
const DEPARTURE = new RegExp(
  `(?<![\\p{L}/])(?<role>${ROLE})${BETWEEN}{0,70}?(?<![\\p{L}-])(?<verb>${LEAVES})(?![\\p{L}])`,
  'iu',
);
const DEPARTURE_AS = new RegExp(
  `(?<![\\p{L}-])(?<verb>${LEAVES}|outgoing|departing|loses|lost|fires|fired|sacks|sacked|dismiss(?:es|ed)|lets go of|let go of|parts with|parted with|oust(?:s|ed))(?![\\p{L}])${BETWEEN}{0,45}?(?<![\\p{L}/])(?<role>${ROLE})`,
  'iu',
);

/** The same words about calls, comments, permissions and dashboards. */
const NO_LEAVING =
  /^(?:left|leaves|leaving|gone|leave|to leave|exits?|exited|quit)\s+(?:(?:a|an|the|some|this|that|his|her|us|me|their|two|three|several) )?(?:\w+ )?(?:comments?|notes?|messages?|voicemails?|reviews?|feedback|meeting|call|chat|demo|room|thread|channel|early|it|instructions|questions?|stars?|impression|door|bit|app|page|rating|rest|building|session|to review|us (?:a|with)|me (?:a|with)|on holiday|for (?:lunch|holiday)|on (?:vacation|holiday|leave))/iu;
const NO_JOINING =
  /^(?:join(?:s|ed|ing)?|joins)\s+(?:(?:us|me|in|via|from|by|into|our|the|a|today['’]s|yesterday['’]s|this|that|on|late|for|halfway)\s+){0,3}(?:\w+ ){0,2}?(?:calls?|meeting|demo|webinar|slack|channel|chat|discussion|session|beta|zoom|teams|thread|workshop|kick-?off|conversation|phone|dots|queue|waiting list|lunch|dinner|programme|panel|podcast|event|q&a)(?![\p{L}])/iu;
const ROLE_AS_LABEL =
  /^(?:['’]s)?[ -](?:assistants?|secretary|office|pa|diary|calendar|wife|husband|daughter|questions?|laptop|dashboards?|views?|reports?|roles?\b(?! at| on| in| as| from| to)|accounts?|fields?|users?|permissions?|fraud|scam|phishing|persona|letter|column|newsletter|level|tier|template|page|button|inbox|mailbox|e-?mail address|summit|forum|roundtable|magazine|conference|club|signature|summary|widget|dropdown)(?![\p{L}])/iu;
const TALKS =
  /(?<![\p{L}])(?:said|says|asked|asks|told|wants|wanted|likes|liked|signed off|complained|approved)(?![\p{L}])/iu;
const SEEKS =
  /(?:looking (?:for|to)|search(?:ing)? for|hiring|to hire|recruiting|seeking|wants? to|vacancy|vacant|apply|candidates? for|interviewing|reporting (?:to|into)|reports? to|working (?:with|for)|meeting with|call with|spoke (?:to|with)|assistant to)[^.;!?]{0,50}$/iu;

interface Shape {
  readonly pattern: RegExp;
  readonly change: 'arrival' | 'departure';
  readonly base: number;
}
const SHAPES: readonly Shape[] = [
  { pattern: DEPARTURE_AS, change: 'departure', base: 70 },
  { pattern: DEPARTURE, change: 'departure', base: 68 },
  { pattern: ARRIVAL, change: 'arrival', base: 68 },
  { pattern: ARRIVAL_AFTER, change: 'arrival', base: 68 },
  { pattern: NEW_ROLE, change: 'arrival', base: 60 },
];
/** Verbs that go with anything: they need "as", "new" or a person beside the role. */
const WEAK_VERB =
  /^(?:mov(?:es|ed|ing) .*|(?:comes?|came|coming) .*|lands|landed|signs|signed|join(?:s|ed|ing)?|welcom(?:e|es|ed|ing)|made|picked|chosen|selected|handed|confirmed|announc(?:es|ed|ing)|introduc(?:es|ed|ing)|unveil(?:s|ed)|steps? in|stepp(?:ed|ing) in|brings? in|brought in|took on|takes on|taking on|takes up|took up|taken up|wird|prend|holt|becom(?:e|es|ing)|became|replac(?:es|ed|ing)|gone|lost|loses|assum(?:es|ed|ing)|elect(?:ed|s)|exit(?:s|ed|ing)?|names|named|naming|left|is out|started|starts|on board|onboard|in place)$/iu;

/** A role that decides, and words that say that somebody comes to it or leaves it. */
export const executives: Rule = (sentence) => {
  // Patterns that are never asked are never compiled.
  for (const shape of ROLE_WORD.test(sentence) ? SHAPES : []) {
    const match = changeIn(sentence, shape);
    if (match !== null) return [match];
  }
  return [personMoves(sentence)].filter((match) => match !== null);
};

/** `Jane Roe has left Tarn`, with no word of what she did there: only where the text knows the company. */
const MOVES = new RegExp(
  `(?<person>${PERSON})(?:,[^,.;]{2,60},)? (?:(?:has|have|is|was|will|just|be|now|recently|today|have|already|sadly|finally) ){0,3}(?<verb>(?:joined|joins|joining|left|leaves|leaving|departed|departs|departing|resigned from|resigns from|resigning from|retires from|retired from|retiring from|quit|quits|parted ways with|stepped down from|moved to|moves to|moved from|to (?:chair|head|lead|run|join|leave|take over|take charge of)|heads|will (?:head|lead|chair|run|join)|starting at|started at|starts at)) (?<company>(?:the )?${NAME})`,
  'u',
);
const GOES = new RegExp(
  `(?<person>${PERSON}) (?:(?:has|is|was|will|just|be|now|recently|today|have|already) ){0,3}(?<verb>step(?:ping|ped|s)? down|stand(?:ing|s)? down|stood down|resign(?:ed|ing|s)|retir(?:ing|es)|(?:handed|hands) in (?:his|her|their) notice|mov(?:ing|ed) on)(?![\\p{L}])`,
  'u',
);

function personMoves(sentence: string): Match | null {
  const moves = firstMatch(MOVES, sentence);
  const found = moves ?? firstMatch(GOES, sentence);
  if (found === null) return null;
  const { person = '', verb = '', company = '' } = found.groups;
  const start = sentence.indexOf(verb, found.start + person.length);
  const after = sentence.slice(start + verb.length + (company === '' ? 0 : company.length + 1));
  if (
    personIn(person) === null ||
    /^['’ ]*s? ?(?:the |a )?(?:calls?|meetings?|demos?|webinars?|sessions?|stand|booth|channel|team call|user group|event)/iu.test(
      after,
    )
  )
    return null;
  const change = /^(?:join|start|moved? to|moves to|to (?!leave)|will|heads)/u.test(verb) ? 'arrival' : 'departure';
  return {
    type: 'EXECUTIVE_CHANGE',
    facts: { person, change },
    start,
    end: moves === null ? start + verb.length : found.end,
    certainty: 57,
    named: moves === null ? 'beside' : 'within',
  };
}

function changeIn(sentence: string, { pattern, change, base }: Shape): Match | null {
  const found = firstMatch(pattern, sentence);
  if (found === null) return null;
  const { role = '', verb = '' } = found.groups;
  const verbStart = sentence.indexOf(verb, found.start);
  const afterVerb = sentence.slice(verbStart);
  const roleEnd = sentence.indexOf(role, found.start) + role.length;
  if (NO_LEAVING.test(afterVerb) || NO_JOINING.test(afterVerb) || ROLE_AS_LABEL.test(sentence.slice(roleEnd)))
    return null;
  if (change === 'arrival' && SEEKS.test(sentence.slice(0, roleEnd - role.length))) return null;
  const person = personIn(sentence);
  const isLinked =
    /(?<![\p{L}])(?:as|to|new|role|position|post|incoming|from|interim|his|her|als|zum|zur|comme|en tant que|our|its|their)(?![\p{L}])/iu.test(
      sentence.slice(Math.max(0, found.start - 12), found.end),
    );
  // "Its CTO has left": nothing stands between the role and the verb.
  const isDirect = /^(?:,[^,]{2,40},)? ?(?:(?:has|have|is|was|just|recently|will|also|now) )*$/u.test(
    sentence.slice(roleEnd, Math.max(roleEnd, verbStart)),
  );
  const isWeak = (WEAK_VERB.test(verb) && !(isDirect && change === 'departure')) || pattern === NEW_ROLE;
  if (isWeak && !isLinked && person === null) return null;
  if (isWeak && TALKS.test(sentence.slice(found.end, found.end + 30)) && pattern !== NEW_ROLE) return null;
  const facts = knownFacts({ role: role.replace(/\s+/gu, ' '), person, change });
  const sure = certainty(
    base,
    [person !== null, 14],
    [/chief|^c.o$|ceo|cfo|cto|managing/iu.test(role), 6],
    [isWeak, -6],
  );
  const allows = change === 'departure' && /no longer/iu.test(verb) ? (['negated'] as const) : [];
  return { type: 'EXECUTIVE_CHANGE', facts, start: verbStart, end: verbStart + verb.length, certainty: sure, allows };
}

const PERSON_NAME = new RegExp(PERSON, 'gu');
const ROLE_WORD = new RegExp(`(?<![\\p{L}])${ROLE}`, 'iu');
const COMPANY_WORD =
  /(?<![\p{L}])(?:ltd|limited|plc|inc|llc|gmbh|ag|group|holdings|capital|ventures|partners|bank|foods?|logistics|systems|software|technologies|house|energy|solutions|services|health|labs?|studio|airways|motors|chief|officer|director|head|vice|president|managing|board|new|sales|marketing)(?![\p{L}])/iu;

/** The first name in a sentence that looks like a person's. */
export function personIn(sentence: string): string | null {
  for (const { 0: name, index } of sentence.matchAll(PERSON_NAME)) {
    // "Form AP01" is the name of a thing.
    if (/^\p{N}/u.test(sentence.slice(index + name.length))) continue;
    const words = name.split(' ').filter((word) => !NO_NAME.test(word));
    const plain = words.join(' ');
    if (words.length >= 2 && !ROLE_WORD.test(plain) && !COMPANY_WORD.test(plain)) return plain.replace(/['’]s$/u, '');
  }
  return null;
}
