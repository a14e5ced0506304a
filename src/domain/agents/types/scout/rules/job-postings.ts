import { certainty, firstMatch, knownFacts, type Rule } from '../finding.ts';
import { countOf } from '../vocabulary.ts';

/** What people are hired as. */
export const JOB =
  '(?:engineers?|developers?|programmers?|designers?|architects?|analysts?|scientists?|managers?|directors?|leads?|head of [a-z]{2,20}|representatives?|executives?|reps?|sdrs?|bdrs?|aes|consultants?|specialists?|administrators?|accountants?|controllers?|(?:hgv |delivery |lorry |truck |van |forklift )?drivers?|operatives?|operators?|technicians?|planners?|buyers?|recruiters?|co-?ordinators?|officers?|assistants?|nurses?|chefs?|welders?|electricians?|mechanics?|pickers?|packers?|fitters?|machinists?|interns?|apprentices?|trainees?|graduates?|marketers?|copywriters?|salespeople|salesperson|sales people|advis[eo]rs?|supervisors?|product owners?|scrum masters?|vps?(?: of)? [a-z]{3,15}|c[eftom]os?|cisos?|cro|researchers?|pharmacists?|baristas?|cleaners?|clerks?|bookkeepers?|controllers?|agents?|associates?|partners?|strategists?|writers?|editors?|teachers?|carers?|staff|people|colleagues|employees|workers|crew|team members|devs?|sres?|entwickler(?:in(?:nen)?)?|ingenieure?(?:in)?|sachbearbeiter(?:in)?|\\p{L}*leiter(?:in)?|\\p{L}*kr[aä]fte?|\\p{L}*mitarbeiter(?:in(?:nen)?)?|\\p{L}*ingenieur(?:in)?|\\p{L}*entwickler(?:in)?|\\p{L}*verkäufer(?:in)?|\\p{L}*assistent(?:in)?|\\p{L}*fahrer(?:in)?|\\p{L}*berater(?:in)?|\\p{L}*manager(?:in)?|développeurs?(?:ses?)?|ingénieure?s?|commercia(?:l|ux)|responsables?|chefs? de projet|technicien(?:ne)?s?|chauffeurs?|comptables?|vendeurs?|préparateurs?)';
const HIRES =
  "(?:(?:is|are|'re|’re|'s|’s|be|been|keeps?|start(?:s|ed)?|now|currently|actively|still|also|busy|aggressively|and|they|urgently) hiring|hiring(?: for| a| an| \\d+| two| three| four| five| several| more| across| its| their| our| in|:)|we(?:['’]re| are) (?:hiring|recruiting)|hiring(?= \\p{L}+)|recruiting|(?:recruits|takes? on|taking on|hires) (?:for|new|more|another|\\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty)|recruitment (?:drive|campaign|push)|plans? to (?:hire|recruit)|(?:wants?|need(?:s|ed)?|keen|aims?|intends?|going|set|continu\\w+|ready|expects?|starting|begun) to (?:hire|recruit)|will (?:hire|recruit|be hiring|be recruiting)|to (?:hire|recruit)|on the hunt for|on the lookout for|head-?hunting|in the market for|staffing up|(?:to|trying to|need to|needs to|struggling to|looking to) (?:fill|add|take on)|in need of|taking on|add(?:s|ing)(?= (?:\\d|another|more|two|three|four|five|ten))|building (?:out )?(?:its|their|a|an|our) [a-z -]{0,25}team|advertis(?:es|ed|ing)(?: for)?|(?:look(?:s|ing)?|plan(?:s|ning)?|want(?:s|ing)?|hop(?:es|ing)) to (?:bring (?:in|on)|add|take on|grow|appoint|employ)|bring(?:s|ing)? (?:in|on)(?= (?:\\d|more|another|two|three|four|five|six|ten|twenty))|will (?:add|employ|take on|need)(?= (?:\\d|more|another|two|three|four|five|six|ten|twenty))|(?:has |have |just |recently )?(?:posted|listed|published|opened|reposted|put up|put out|uploaded)|sucht|suchen|gesucht|stellt|stellen|recrute(?:nt)?|recrutons|recherche(?:nt)?|recherchons|embauche(?:nt)?|embauchons)";
const SEEKS =
  "(?:search(?:es|ed)? for|looks? for|hunt(?:s|ing)? for|(?:is|are|still) short of|(?:can['’]t|cannot|can not|struggl\\w+ to|unable to|trying to) find|looking for|seeking|seeks|in search of|searching for|is after|are after|need(?:s)?|search for)";
const VACANCY =
  "(?:vacanc(?:y|ies)|(?:post|list|advertis|publish|open|add|upload|shar|has|have|with|ha[sv]e? (?:got )?|there are|shows?|showing|sees?|saw|counted|got|up to|currently|releas)\\w* (?:\\p{L}+ ){0,2}?(?:\\d{1,4}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|several|dozens? of|a dozen|multiple|new|more|various|a (?:raft|slew|flurry|batch|bunch|string|number) of) (?:[\\p{L}/&-]+ ){0,3}?(?:jobs|roles|positions|openings|postings|ads|adverts)(?= |[.,;:)!]|$)|(?:job|career) (?:openings?|ads?|adverts?|advertisements?|postings?|posts?|listings?|offers?|specs?|descriptions?)|open (?:roles?|positions?|reqs?|requisitions?|headcount|vacancies)|(?:new|live|current|unfilled|advertised|more|sales|engineering|tech|technical|it|senior|\\d+|two|three|four|five|six|seven|eight|nine|ten|dozen) (?:roles?|positions?|openings?)(?! (?:up|for a dispute))|hiring (?:spree|push|drive|wave|plan|round|campaign)|careers? (?:page|site|portal)|job board|jobs? page|job alert|new job|now hiring|hiring now|recruiting now|recruitment (?:drive|campaign)|(?:ramp(?:s|ing|ed)? up|step(?:s|ping|ped) up|accelerat\\w+|increas\\w+|doubl\\w+|boost\\w*|resum\\w+|restart\\w*|scal\\w+(?: up)?|continu\\w+|start\\w*|on a) (?:its |their )?(?:hiring|recruit(?:ment|ing)|headcount)|growing (?:its|their|the) [a-z -]{0,25}(?:team|headcount)|job (?:vacancy|opportunity)|career opportunit(?:y|ies)|stellenanzeigen?|offene stellen|stellenausschreibung|offres? d[’']emploi|postes? (?:à pourvoir|ouverts?))";
const HIRING = new RegExp(
  `(?<![\\p{L}])(?<verb>${HIRES})(?![\\p{L}])[^.;!?]{0,90}?(?<![\\p{L}])(?<job>${JOB})(?![\\p{L}])`,
  'iu',
);
const SEEKING = new RegExp(
  `(?<![\\p{L}])(?<verb>${SEEKS}) (?:(?:an?|another|its|their|our|new|more|talented|driven|enthusiastic|motivated|several|first|second|\\d{1,3}|two|three|four|five|six|ten|experienced|qualified|full-?time|part-?time|permanent|junior|senior|lead|der|die|eine?n?) ){0,4}(?:[\\p{L}\\p{N}/.+#&-]+ ){0,4}?(?<job>${JOB})(?![\\p{L}])`,
  'iu',
);
const VACANT = new RegExp(`(?<![\\p{L}])(?<verb>${VACANCY})(?![\\p{L}])`, 'iu');
const JOB_TITLE = new RegExp(`(?<![\\p{L}])(?<job>${JOB})(?![\\p{L}])`, 'iu');
const ADVERT =
  /(?<![\p{L}])(?:(?:m\/w\/d|w\/m\/d|m\/f\/d|f\/m\/d|m\/f\/x|h\/f|f\/h)|apply (?:before|until|(?:in|via) |now|today|by|online|at|here|via|before|with|within|on our)|applications (?:close|by|are open|welcome)|closing date|send (?:us )?(?:your|a) (?:cv|résumé|resume)|join (?:our|the|us|a) [\p{L} ]{0,30}team|we(?:['’]re| are) hiring|now hiring|join us|salary|(?:position|job title|employer|location|department|contract type|closing|deadline|start date|working hours)\s?:|immediate start|what you(?:['’]ll| will) (?:do|bring)|your (?:role|profile|tasks)|you will (?:lead|manage|be|work|join|report)|we offer|about the role|requirements?:|responsibilities|£\d\d(?:k|,000)|[$€]\d\d\d?(?:k|,000)|per annum|ote|(?:night|day|late|early|rotating) shifts?|[£$€]\d\d?(?:\.\d\d)? (?:an|per) hour|permanent|full-?time|part-?time|permanent (?:role|position|contract)|reporting to|years['’]? (?:of )?experience|hybrid|remote|on-?site|[£$€]\d\d\d?k?\s?[-–]\s?[£$€]?\d\d|job ref|job id|start(?:ing)? (?:immediately|asap)|vollzeit|teilzeit|unbefristet|ab sofort|cdi|cdd|temps plein)(?![\p{L}])/iu;
const ADVERTS = new RegExp(ADVERT, 'giu');
const PART_OF_COMPANY =
  /(?<![\p{L}])(?:roles?|jobs?|team|teams|positions?|openings?|vacanc\w+|headcount|\d+ (?:new )?(?:people|staff|engineers))(?![\p{L}])/iu;

/** Jobs of machines, hired cars, and people who look for work themselves. */
export const NO_POSTING =
  /(?<![\p{L}])(?:hiring (?:freeze|managers? (?:said|asked|tab|dashboard|view|can|who|role|permission|wants)|halt|stop|bias|platform|software|tool|feature)|(?:cron|batch|background|print|scheduled|failed|export|import|sync|build|ci|nightly|backup) jobs?|jobs? (?:queue|scheduler|failed|runner|status)|(?:car|tool|van|plant|equipment|skip|cycle|bike|kit|ski) hire|for hire|(?:my|a) new job|jobseekers?|job seekers?|laid off|(?:start\w*|began|accept\w*|in|took|taken|taking) (?:a|my|his|her|their|the) (?:\w+ )?new (?:position|role|job)|lay(?:s|ing)? off|(?:cut|cuts|cutting|axe[sd]?|axing|sav(?:e|es|ed|ing)|los(?:e|es|ing)|lost|shed|sheds|slash\w*|safeguard\w*) (?:[\p{L}\d]+ ){0,3}(?:jobs|roles|positions)|(?<!is |are |be |now )hiring managers?|layoffs|redundanc\w+|job cuts|cutting \w+ jobs|(?:i am|i['’]m|i was|anyone) (?:\w+ )?(?:looking for|seeking|after|applying)|dream job|open to work|stock position|open position in (?:the )?(?:stock|share)|short position|filled (?:all|the|both|its|every|our)|position (?:has been|was|is|already) filled|role (?:has been|was|is) filled|(?:stopped|stops|paused|pauses|froze|frozen|ended) (?:all )?(?:hiring|recruit\w+))(?![\p{L}])/iu;
const HELP_WANTED =
  /^(?:looking for|seeking|seeks|in search of|searching for|need(?:s)?|search for)\b[^.;!?]*\b(?:support|help|advice|access|api|feature|way|option|solution|tool|software|platform|view|dashboard|button|vendor|supplier|training|to (?:join (?:the|a|our) (?:call|meeting|session|workshop)|attend|sit in on|fix|help|look at|come|call|review|approve|sign) )/iu;

/** A job with words of hiring, several vacancies, or the form of an advertisement. */
export const jobPostings: Rule = (sentence, { before, after }) => {
  if (NO_POSTING.test(sentence)) return [];
  const found = hiringIn(sentence) ?? advertIn(sentence, before, after);
  if (found === null) return [];
  const verb = found.groups.verb ?? '';
  const verbStart = verb === '' ? found.start : sentence.indexOf(verb, found.start);
  const count = countIn(sentence);
  const title = titleIn(sentence, found.groups.job);
  const isAdvert = ADVERT.test(sentence);
  const facts = knownFacts({ title, openings: count });
  const sure = certainty(found.base, [title !== null, 8], [count !== null, 8], [isAdvert, 10]);
  return [
    {
      type: 'JOB_POSTING',
      facts,
      start: verbStart,
      end: Math.max(verbStart + verb.length, verbStart + 1),
      certainty: sure,
    },
  ];
};

interface FoundHiring {
  start: number;
  end: number;
  groups: Readonly<Record<string, string | undefined>>;
  base: number;
}

function hiringIn(sentence: string): FoundHiring | null {
  const hiring = firstMatch(HIRING, sentence);
  if (hiring !== null && isAboutJobs(hiring.groups.verb ?? '', sentence)) return { ...hiring, base: 68 };
  const seeking = firstMatch(SEEKING, sentence);
  if (seeking !== null && !HELP_WANTED.test(sentence.slice(seeking.start)) && isOrganisation(sentence, seeking)) {
    return { ...seeking, base: /^need/iu.test(seeking.groups.verb ?? '') ? 42 : 62 };
  }
  const wanted = firstMatch(WANTED, sentence) ?? firstMatch(HEADED, sentence);
  if (wanted !== null) return { ...wanted, base: 58 };
  const vacant = firstMatch(VACANT, sentence);
  if (vacant === null) return null;
  const isTold =
    JOB_TITLE.test(sentence.slice(0, vacant.start)) ||
    JOB_TITLE.test(sentence.slice(vacant.end)) ||
    countIn(sentence) !== null;
  return isTold || /spree|push|drive|wave|campaign|hiring|recruit|headcount|team/iu.test(vacant.groups.verb ?? '')
    ? { ...vacant, base: 62 }
    : null;
}

/** "Posted" and "opened" are of many things. */
function isAboutJobs(verb: string, sentence: string): boolean {
  if (!/post|list|publish|open|put |upload|stell|advertis/iu.test(verb)) return true;
  return (
    PART_OF_COMPANY.test(sentence) || ADVERT.test(sentence) || VACANT.test(sentence) || /advertis\w+ for/iu.test(verb)
  );
}

/** `I need an engineer to look at this` is a call for help. */
function isOrganisation(sentence: string, { start, end }: { start: number; end: number }): boolean {
  if (/(?<![\p{L}])(?:I|my)(?![\p{L}])/u.test(sentence.slice(0, start))) return false;
  return !/^ (?:to (?:look|fix|call|help|come|review|check|sit)|on site|on the phone|account|seat|licen[cs]e|role in the app|permission)/iu.test(
    sentence.slice(end),
  );
}

/** A title and what adverts say around it. */
/** "Account Executive wanted", "drivers: now recruiting". */
const WANTED = new RegExp(
  `(?<![\\p{L}])(?<job>${JOB})(?![\\p{L}])[^.;!?]{0,60}?(?<![\\p{L}])(?<verb>wanted|needed|required|sought|gesucht|recherchée?s?|(?:is|are) being (?:recruited|hired|sought)|job (?:ad|post|opening|listing)|vacancy|position is open|roles? (?:is|are|now)? ?open|to be filled)(?![\\p{L}])`,
  'iu',
);

/** "Wanted: drivers for Tarn", "Job: account executive". */
const HEADED = new RegExp(
  `(?<![\\p{L}])(?<verb>wanted|vacancy|vacancies|now hiring|#?hiring|job|job title|position|role|opening|job alert|we['’]re hiring)\\s?[:–—|-]\\s?[^.;!?]{0,60}?(?<![\\p{L}])(?<job>${JOB})(?![\\p{L}])`,
  'iu',
);

function advertIn(sentence: string, before: string, after: string): FoundHiring | null {
  const job = firstMatch(JOB_TITLE, sentence);
  const marks = (`${sentence} ${before} ${after}`.match(ADVERTS) ?? []).length;
  // A title that stands alone as a line is followed by what adverts say.
  const own = firstMatch(ADVERT, sentence) ?? (sentence.length < 90 ? job : null);
  if (job === null || own === null) return null;
  const isMarkedTitle = /(?:m\/w\/d|w\/m\/d|m\/f\/d|f\/m\/d|h\/f|f\/h)/iu.test(sentence);
  if (!isMarkedTitle && marks < 2) return null;
  return {
    start: own === job ? 0 : own.start,
    end: own.end,
    groups: { job: job.groups.job },
    base: isMarkedTitle ? 72 : 60,
  };
}

/** The title with the words before it that belong to it. */
function titleIn(sentence: string, job: string | undefined): string | null {
  if (job === undefined) return null;
  const at = sentence.indexOf(job);
  const words = sentence
    .slice(0, at)
    .split(/[\s,;:(]+/u)
    .slice(-4)
    .filter(Boolean);
  const stop = words.findLastIndex((word) =>
    /^(?:an?|the|for|hiring|recruiting|seeking|of|its|their|our|new|more|to|and|first|\d+|two|three|four|five|six|seven|eight|nine|ten|is|are|in|experienced|eine?n?|des?|un|une|sucht|recrute|posted|another|role|roles)$/iu.test(
      word,
    ),
  );
  return [...words.slice(stop + 1), job].join(' ').trim();
}

function countIn(sentence: string): number | null {
  const found =
    /(?<![\p{L}\p{N}.,£$€])(?<count>\d{1,4}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|a hundred|several)(?: [\p{L}/-]+){0,3}? (?:jobs?|roles?|positions?|openings?|vacanc(?:y|ies)|people|staff|engineers|developers|drivers|reps|sdrs|aes|account executives|planners|analysts|managers|operatives|technicians|hires|heads|pickers|requisitions|reqs|designers|consultants|specialists|nurses|welders|ads|adverts|listings|offene)/iu.exec(
      sentence,
    )?.groups?.count;
  return found === undefined ? null : countOf(found);
}
