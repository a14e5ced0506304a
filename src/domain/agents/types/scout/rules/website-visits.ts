import { certainty, firstMatch, knownFacts, type Rule } from '../finding.ts';
import { countOf } from '../vocabulary.ts';

const PAGE =
  "(?:(?:pricing|price|plans?|prices|rates|demo|product|features?|case[- ]stud(?:y|ies)|customer stor(?:y|ies)|docs|documentation|api docs|comparison|integrations?|security|contact(?: us)?|checkout|trial|sign-?up|blog|home|landing|enterprise|solutions?|quote|roi|request-a-demo|book-a-demo|developer|migration|billing|webinar|download|resources?|partners?|support|help|about us)(?:[- ]?(?:page|pages|section|form|site|calculator|guide|hub|portal|article|tour|table|tab|post)s?)?(?![- ]?(?:model|power|error))|roi calculator|(?:our|your|the company|the corporate|harbourline['’]s) (?:web ?)?sites?(?! (?:visit|manager|in))|(?:web ?site|the site(?! manager| office| team| visit)|landing page|web ?pages?|homepage)|white ?papers?|/(?:pricing|demo|plans|contact|trial|docs|case-stud(?:y|ies)|product|enterprise|integrations|security|features|compare|signup|sign-up|quote|roi|request-demo|book-demo|blog|solutions|api)[\\w/-]*|preisseite|preise|webseite|website|page (?:de )?tarifs|page tarifaire|tarifs|site(?: web)?)";
const VISITS =
  '(?:visit(?:s|ed|ing|ors?)?|view(?:s|ed|ing|ers?)?|page[_ -]?views?|compar(?:es|ed|ing)|stud(?:ies|ied|ying)|explor(?:es|ed|ing)|look(?:s|ing)? at|us(?:ed|es|ing)|tried|tries|watched|surge|spike|activity|engaged with|interest in|research(?:es|ed|ing)|sessions?|hits?|impressions|clicks?|clicked(?: through)?|click-?throughs?|land(?:s|ed|ing)? on|brows(?:es|ed|ing)|return(?:s|ed|ing)?|(?:came|come|coming|been|was|were|is|are|kept coming|went|keeps? coming) (?:back )?(?:to|on|through|from|at)|spent|spend(?:s|ing)?|looked (?:at|through)|looking (?:at|through)|read(?:s|ing)?|check(?:s|ed|ing) out|checked|opened|scroll(?:s|ed)?|hit|landing|traffic|dwell(?:ed)?|poking around|poring over|revisit(?:s|ed)?|download(?:s|ed|ing)?|submitted|filled|completed|besuch(?:t|te|er|e)?|aufgerufen|aufrufe|angesehen|a (?:visité|consulté|vu)|ont (?:visité|consulté|vu)|consulté|visité|visites?|consultations?|unique visitors?|uniques|users)';
const FORWARD = new RegExp(
  `(?<![\\p{L}-])(?<verb>${VISITS})(?![\\p{L}])[^;!?]{0,90}?(?<![\\p{L}\\p{N}])(?<page>${PAGE})(?![\\p{L}])`,
  'iu',
);
const BACKWARD = new RegExp(
  `(?<![\\p{L}\\p{N}])(?<page>${PAGE})(?![\\p{L}])[^;!?]{0,60}?(?<![\\p{L}-])(?<verb>${VISITS})(?![\\p{L}])`,
  'iu',
);
/** Done on a website though no page is named. */
const ASKED =
  /(?<![\p{L}])(?<verb>(?:request(?:s|ed|ing)?|book(?:s|ed|ing)?|schedul(?:es|ed|ing)|ask(?:s|ed|ing)? for|sign(?:s|ed|ing)? up for|register(?:s|ed|ing)? for|submit(?:s|ted|ting)?|fill(?:s|ed|ing)? (?:in|out)|complet(?:es|ed|ing)|start(?:s|ed|ing)?|download(?:s|ed|ing)?|activat(?:es|ed)|subscrib(?:es|ed) to|watch(?:es|ed)|attend(?:s|ed)|hat|haben|a demandé|ont demandé|a téléchargé|a rempli))(?![\p{L}])[^.;!?]{0,60}?(?<![\p{L}])(?<page>(?:product |live |personal(?:ised|ized) |free )?(?:demos?|tours?|walk-?through|démo|démonstration|vorführung)(?![\p{L}-])(?: request)?(?: form)?|(?:free |14-day |30-day |self-serve )?trial(?: account| form| sign-?up)?(?! (?:error|run|lawyer|by|batch|version))|(?:our |the |your )?(?:latest |security |pricing |product |buyer['’]?s? )*(?:white ?paper|e-?book|brochure|data ?sheet|case stud(?:y|ies)|buyer['’]?s guide|price list|pricing guide|pricing pdf|roi calculator|report|guide|livre blanc|preisliste)|(?:contact|enquiry|inquiry|quote|demo|contact-sales|contact us|callback|lead|web|get-a-quote)(?:[- ]request)?[- ]form|quote (?:on|through|via) (?:our|the) (?:web ?)?site|(?:our |the )?(?:\w+ )?webinar|newsletter)(?![\p{L}])/iu;
const TALLY =
  /(?<![\p{L}])(?<page>pricing|demo|case stud(?:y|ies)|docs|security|integrations|enterprise|contact|trial)(?: page)? ?[x×:] ?(?<count>\d{1,4})(?<verb>)(?!\d)/iu;
const NAMED_PAGE =
  /(?<![\p{L}])(?:pricing|price|demo|product|comparison|integrations?|security|contact|case stud(?:y|ies)|enterprise|features?|quote|landing) pages?(?![\p{L}])/iu;
const FORM_FILL =
  /(?<![\p{L}])(?<verb>form (?:fill|submission|submit\w*|completed)|inbound (?:lead|enquiry|request)|(?:web|demo|website) (?:lead|enquiry|inquiry)|new (?:trial|sign-?up|demo request))(?![\p{L}])/iu;
const DEMO_REQUEST =
  /(?<![\p{L}])(?<page>(?:demo|trial|quote|callback|pricing|contact)[- ](?:request|enquiry|inquiry|sign-?up|form submission))(?:s)?(?![\p{L}])[^.;!?]{0,30}?(?<verb>from|by|submitted|received|came in|:)/iu;
/** A line of web analytics: a count of visits, and a path or an address. */
const COUNTED =
  /(?<![\p{L}\p{N}.])(?<count>\d{1,6}|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|several|a dozen)x? (?:(?:new|unique|total|separate|distinct|returning|organic|more|different|anonymous|web|website) ){0,2}(?<verb>(?:people|contacts|colleagues|users)(?= (?:were )?(?:on|at|from) )|page ?views?|sessions?|visits?|visitors?|hits|views|uniques|pvs?|users|clicks|times|besuche|aufrufe|visites|pages)(?![\p{L}])/iu;
const COUNTED_AFTER = /(?<verb>page_?views?|sessions?|visits?|hits|views|pv|visitors)\s?[=:]\s?(?<count>\d{1,6})/iu;
const ADDRESS =
  /(?<![\w@])(?:\/[a-z][\w-]{2,}(?:\/[\w-]+)*|(?:[\w-]+\.)+(?:com|co\.uk|io|de|fr|net|org|example|test|eu|ai|app|co|uk|dev)(?![\w]))/iu;

/** Robots, ourselves, sites made of stone, and pages that are broken. */
export const NO_VISIT =
  /(?<![\p{L}])(?:please visit|(?:i|we) plan|(?:compar\w+|weigh\w*) (?:us|you) (?:with|to|against)|site (?:entrance|gate|fence|office|safety)|(?:building|construction) sites?|(?:web ?)?sites? of (?!ours)|(?:our (?:own )?(?:team|reps?|sales team|people|sdrs?|marketing|analysts?|colleagues?|intern)|i|we) (?:\w+ )?(?:visit(?:ed)?|view(?:ed)?|look(?:ed)? at|check(?:ed)?|brows(?:ed)?|read|opened|went)|visits? from (?:our|us)|never (?:visit|open|look)\w*|no (?:\w+ )?(?:visits?|page ?views?|sessions?|activity|traffic)|car park|visitors['’]|for (?:more|further) (?:details|info\w*)|app store|\w{0,20}bots?|crawlers?|spiders?|scrapers?|uptime|pingdom|internal (?:traffic|users|ip)|our own (?:team|staff|people|ip)|test traffic|load test|synthetic|staging|qa team|monitoring|health ?checks?|404|typos?|bugs?|broken|crash\w*|error|layout|css|redesign\w*|misaligned|screenshots?|responsive|does ?n[o']t (?:load|work|render)|won['’]t load|too slow|loads? slowly|slow to load|site visit|visit(?:s|ed|ing)? (?:to )?(?:\w+ )?(?:the |our |their |your |its )?(?:\w+ )?(?:office|factory|warehouse|plant|stand|booth|depot|headquarters|hq|doctor|hospital|museum|store|shop|family|site in)|demo day|demo (?:data|environment|account|mode|video for)|site managers?|session (?:cookie|token|expir\w+|timeout|storage|id)|views? (?:in|of) the (?:database|app)|database view|materiali[sz]ed view|user stor(?:y|ies)|clinical trials?|trial (?:court|lawyer|balance)|court|in our view|point of view|feature flags?)(?![\p{L}])/iu;
export const THEIR_PAGE =
  /(?<![\p{L}])(?:I|we|i['’]ve|we['’]ve|I have|we have|let['’]s|you should|please)(?: \w+){0,3} (?:visit|view|look|check|read|brows|download|spen)\w*[^.;!?]{0,40}(?:their|its|his|her|\w+['’]s) (?:\w+ )?(?:web ?site|pricing|page|blog|docs|home ?page|case stud|white ?paper|report)/iu;
export const INVITES =
  /^\W*(?:visit|view|check out|read|download|click|book|request|watch|see|start|register|sign up|explore|try|browse|fill (?:in|out)|subscribe|besuchen sie|visitez|téléchargez)(?: |$)/iu;
const VISITOR_FROM =
  /(?<![\p{L}])(?:visitors?|visits|someone|somebody|people|users?|contacts?|traffic|clicks?|page ?views|sessions?|colleagues|employees|ip address(?:es)?|lead|surge|spike) (?:\w+ ){0,2}?(?:from|at) /iu;
const STRONG_PAGE = /pric|tarif|preis|demo|démo|trial|quote|contact|roi|checkout|enterprise|plan|compar|vorführung/iu;
const PASSIVE_TOPIC =
  /(?<![\p{L}])(?:conversion rate|bounce rate|seo|ranking|a\/b test|marketing team|campaign performance|sprint|backlog|story points|copy|wireframe|design review|figma)(?![\p{L}])/iu;

/** Visits of our pages, or something asked for on them. */
export const websiteVisits: Rule = (sentence) => {
  if (NO_VISIT.test(sentence) || THEIR_PAGE.test(sentence) || INVITES.test(sentence) || PASSIVE_TOPIC.test(sentence))
    return [];
  const asked =
    firstMatch(ASKED, sentence) ??
    firstMatch(DEMO_REQUEST, sentence) ??
    firstMatch(FORM_FILL, sentence) ??
    firstMatch(TALLY, sentence);
  const counted = firstMatch(COUNTED, sentence) ?? firstMatch(COUNTED_AFTER, sentence);
  const hasAddress = ADDRESS.test(sentence);
  const visited = firstMatch(FORWARD, sentence) ?? firstMatch(BACKWARD, sentence);
  const found = asked ?? visited ?? (counted !== null && (hasAddress || NAMED_PAGE.test(sentence)) ? counted : null);
  if (found === null) return [];
  const { verb = '', page } = found.groups;
  const isFromThem = VISITOR_FROM.test(sentence);
  const isVisit = /visit|page ?view|session|download|hits|besuch|consult|aufruf|back|return/iu.test(verb);
  const isOurs = /(?<![\p{L}])(?:our|your|us|unsere[rn]?|notre|nos)(?![\p{L}])/iu.test(sentence);
  const isPage =
    page !== undefined &&
    /page|section|calculator|\/|site|seite|paper|form|hub|portal|tarif|preis/iu.test(
      `${page}${sentence.slice(found.end, found.end + 16)}`,
    );
  const isSpecific = page !== undefined && STRONG_PAGE.test(page) && (isPage || isOurs);
  const isTraffic = counted !== null && /view|session|visit|hits|people|contacts/iu.test(counted.groups.verb ?? '');
  const hasCompany =
    (isTraffic && STRONG_PAGE.test(sentence)) ||
    asked !== null ||
    isPage ||
    (isOurs && counted !== null) ||
    hasAddress ||
    isFromThem ||
    (isOurs && visited !== null);
  if (!hasCompany || /https?:\/\//iu.test(sentence.slice(found.start))) return [];
  if (asked === null && counted === null && !isSpecific && !isOurs && !isVisit && !isFromThem) return [];
  if (asked === null && !isVisit && !isSpecific && counted === null && !isFromThem && !isOurs) return [];
  const times = counted === null ? null : countOf(counted.groups.count ?? '');
  const facts = knownFacts({ page: page?.toLowerCase() ?? ADDRESS.exec(sentence)?.[0], visits: times });
  const sure = certainty(
    54,
    [asked !== null, 16],
    [isSpecific, 12],
    [times !== null, 10],
    [isOurs, 6],
    [hasAddress, 6],
    [isVisit, 6],
  );
  const start = verb === '' ? found.start : sentence.indexOf(verb, found.start);
  return [
    {
      type: 'WEBSITE_ACTIVITY',
      facts,
      start,
      end: start + Math.max(1, verb.length),
      certainty: sure,
      allows: ['policy', 'sells', 'generic'],
    },
  ];
};
