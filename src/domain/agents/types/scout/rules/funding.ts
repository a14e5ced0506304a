import { certainty, firstMatch, knownFacts, type Rule } from '../finding.ts';
import { amountOf, MONEY, NAME } from '../vocabulary.ts';

const ROUND =
  /\b(?:(?:pre-?)?series[ -][a-h](?:[12+])?\b(?: (?:extension|round|funding|financing|raise|investment))?(?! (?:test|unit|bus|suite|model|bond|car|phone|laptop|printer|scanner|of (?:tests?|demos?|questions|meetings|events|experiments|changes|releases|articles|posts|calls)|truck|drill|cable|connector|forklift|tablet|share option))|(?:pre-?seed|seed)(?: (?:round|funding|investment|financing|capital|extension|money|raise|stage round|finanzierung)|-?runde|-?finanzierung)|angel (?:round|investment|funding)|(?:bridge|growth|equity|funding|financing|investment|venture|fundraising|capital|extension) round|round of (?:\w+ )?(?:funding|financing|investment)|(?:growth|venture) (?:equity|capital|debt|investment|funding|financing)|equity (?:funding|investment|financing|raise)|(?:fund-?|capital |equity |the |their |cash )raise(?= (?:is|was|of|to|closed|done|led)|[.,]|$)|fund-?raise(?!r|d)|(?:cash|equity|capital) injection|private placement|(?:growth|venture|term|bridge|development) loan|(?:debt|loan|credit|financing|funding|lending) facilit(?:y|ies)|debt (?:financing|funding|package)|(?:equity|growth|debt|financing|funding|investment|refinancing) package|mezzanine (?:debt|finance|financing)|crowdfunding (?:campaign|round)|convertible (?:loan )?note|term sheet|minority (?:stake|investment)|finanzierungsrunde|wachstumsfinanzierung|levée de fonds|tour de table|amorçage)/iu;
const RAISE =
  /(?<![\p{L}])(?:rais(?:e|es|ed|ing)|pull(?:s|ed|ing)? in|rak(?:es|ed) in|bags?|bagged|pocket(?:s|ed)|grabs?|grabbed|nabs?|nabbed|snags?|snagged|lands?|landed|scoops?|scooped|brings? in|brought in|hauls? in|hauled in|lève|levé|lever|lèvent|boucle|bouclé|sammelt|eingesammelt|einsammelt)(?![\p{L}])/iu;
const GET =
  /(?<![\p{L}])(?:secur(?:e|es|ed|ing)|clos(?:e|es|ed|ing)|complet(?:e|es|ed|ing|ion of)|announc(?:e|es|ed|ing)|receiv(?:e|es|ed|ing)|attract(?:s|ed|ing)?|bank(?:s|ed)|picks? up|picked up|obtain(?:s|ed)?|scor(?:es|ed)|clinch(?:es|ed)?|wins?|won|finalis(?:es|ed|ing)|finaliz(?:es|ed|ing)|wrap(?:s|ped|ping)? up|sign(?:s|ed)|got|gets|net(?:s|ted)|took|taken|takes|sealed?|seals|land(?:s|ed)|led|leads|leading|co-led|back(?:s|ed|ing)|invest(?:s|ed|ing)?|inject(?:s|ed|ing)?|pump(?:s|ed)|pour(?:s|ed)|pl(?:ough|ow)(?:s|ed)|put(?:s|ting)?|commits?|committed|participat(?:es|ed)|join(?:s|ed|ing)|arrang(?:es|ed|ing)|agree(?:s|d)|tap(?:s|ped)|draws? (?:down|on)|drew (?:down|on)|injection|comes? in|came in|put up|plugg(?:ed|ing)|take[ns]? a stake|provid\w+ by|extend(?:s|ed)|gain(?:s|ed)|collect(?:s|ed)|garner(?:s|ed)|pocket(?:s|ed)|rounds? up|confirm(?:s|ed)|celebrat(?:es|ed|ing)|unveil(?:s|ed)|made|agreed|struck|welcom(?:es|ed)|provid(?:es|ed)|comes? from|came from|in place|done|follow(?:s|ing)|rais\w+|topp(?:ed|ing) up|in the bank|under (?:their|its|our) belt|fresh|oversubscribed|valuing|new|sichert|gesichert|erhält|erhalten|schließt|abgeschlossen|gibt|bekommt|obtient|annonce|réalise|finalise|investiert)(?![\p{L}])/iu;
const FUNDS =
  /(?<![\p{L}])(?:funding|investment|investors?|financing|capital|backing|equity|venture|vcs?|round|valuation|private equity|seed|runde|kapital|investoren|finanzierung|fonds|investisseurs?|backers?|shareholders|angels?|stake|family office|financiers?)(?![\p{L}])/iu;
const ABOUT_MONEY = new RegExp(MONEY, 'iu');
const RAISED_MONEY = new RegExp(
  `^(?:[^.;?!]{0,12}(?<!\\p{L})(?:about|around|over|more than|nearly|almost|some|another|a|an|its|an additional|additional|further|just|up to|fresh|roughly|at least|total of|rund|environ|plus de|sich)){0,2}[^.;?!]{0,8}(?:${MONEY})`,
  'iu',
);
/** Objects of the same verbs, and money that comes from elsewhere. */
export const OTHER_MONEY =
  /(?<![\p{L}])(?:charit\w+|hospice|marathon|donat\w+|donors?|fundraiser|bake sale|sponsored (?:walk|run|ride)|good cause|appeal|victims|foodbank|food bank|children in need|contracts?|orders?|deals? (?:with|to supply|worth)|tender|mortgages?|remortgage|overdraft|credit (?:line|note|card)|fines?|penalt\w+|settlement|damages|lawsuit|revenues?|turnover|sales|profits?|savings?|saves?|budget|prices?|pricing|tax|invoices?|bonds?|refund|insurance|ransom|grants?|prize|salary|salaries|wages|subscription|fees?|limit|threshold|deposit|acquisition|acquir\w+|dividend|bonus|spende\w*|auftrag|umsatz|cagnotte)(?![\p{L}])/iu;
/** A fund that an investor raises to invest is no company's round. */
const A_FUND =
  /(?<![\p{L}])(?:(?:venture|growth|buyout|debut|flagship|new|its|second|third|fourth|fifth|sixth|inaugural|vc|pension|hedge|opportunity|climate|seed|m|million|bn|billion)[ -]){1,4}funds?(?! ?(?:ing|rais))(?![\p{L}])|(?<![\p{L}])fund (?:[ivx]{1,4}|\d|no)(?![\p{L}])/iu;
const LEAD = new RegExp(
  `(?:led by|co-led by|backed by|investment from|funding from|backing from|capital from|angeführt von|unter Führung von|mené par|auprès de|investors (?:including|such as)) (?:the )?(?<investor>${NAME})`,
  'u',
);

/** An amount or a round, and words that say that the company got it. */
export const funding: Rule = (sentence) => {
  const round = firstMatch(ROUND, sentence);
  const money = firstMatch(ABOUT_MONEY, sentence);
  if (round === null && money === null) return [];
  if (
    A_FUND.test(sentence) &&
    round === null &&
    !/(?<![\p{L}])(?:from|by|backed by|led by) [^.;]{0,60}fund/iu.test(sentence)
  )
    return [];
  if (round === null && money !== null && OTHER_MONEY.test(around(sentence, money))) return [];
  const verb =
    round === null
      ? verbOfMoney(sentence)
      : (verbOfRound(sentence) ?? (money === null ? null : { ...round, isRaise: false }));
  if (verb === null) return [];
  const investor = LEAD.exec(sentence)?.groups?.investor?.replace(/[.'’-]+$/u, '');
  const amount = money === null ? null : amountOf(sentence.slice(money.start, money.end));
  // Nobody's round is of five dollars.
  if (amount?.amount != null && amount.amount < 20_000 && amount.amount > 0) return [];
  const facts = knownFacts({
    amount: amount?.amount,
    currency: amount?.currency,
    round: round === null ? null : roundName(sentence.slice(round.start, round.end)),
    investor,
  });
  const sure = certainty(
    62,
    [round !== null, 12],
    [money !== null, 10],
    [investor !== undefined, 8],
    [verb.isRaise, 4],
  );
  return [{ type: 'FUNDING_ROUND', facts, start: verb.start, end: verb.end, certainty: sure }];
};

/** The words about the money: the rest of the sentence may tell of something else. */
function around(sentence: string, { start, end }: { start: number; end: number }): string {
  const before = sentence.slice(Math.max(0, start - 50), start);
  const after = sentence.slice(end, end + 60).split(/, |; | and (?!loss)/u)[0] ?? '';
  return before + sentence.slice(start, end) + after;
}

function verbOfRound(sentence: string): { start: number; end: number; isRaise: boolean } | null {
  const raise = firstMatch(RAISE, sentence);
  const verb = raise ?? firstMatch(GET, sentence);
  return verb === null ? null : { start: verb.start, end: verb.end, isRaise: raise !== null };
}

/** Without a round the verb has to be about the money: raised, or got as an investment. */
function verbOfMoney(sentence: string): { start: number; end: number; isRaise: boolean } | null {
  const raise = firstMatch(RAISE, sentence);
  if (raise !== null && (RAISED_MONEY.test(sentence.slice(raise.end)) || FUNDS.test(sentence))) {
    return { start: raise.start, end: raise.end, isRaise: true };
  }
  const verb = FUNDS.test(sentence) ? firstMatch(GET, sentence) : firstMatch(GIVEN, sentence);
  return verb === null ? null : { start: verb.start, end: verb.end, isRaise: false };
}

/** `has put £9m into Tarn Ltd` */
const GIVEN =
  /(?<verb>[Pp]ut|[Pp]uts|[Pp]utting|[Ii]nvest(?:s|ed|ing)?|[Ii]nject(?:s|ed|ing)?|[Pp]ump(?:s|ed|ing)?|[Pp]our(?:s|ed|ing)?|[Pp]lough(?:s|ed)|[Ss]ink(?:s|ing)?|[Ss]ank) (?:an? |another |around |about |up to |some )?(?:[A-Z]{0,3} ?[$£€]? ?[\d.,]+ ?\p{L}{0,8}(?: (?:dollars|euros|pounds))?) (?:in|into) \p{Lu}/u;

function roundName(said: string): string {
  const series = /(?:pre-?)?series[ -][a-h][12+]?/iu.exec(said)?.[0];
  if (series !== undefined)
    return series.replace(/[- ]([a-h])/iu, (_, letter: string) => ` ${letter.toUpperCase()}`).replace(/^s/u, 'S');
  return /pre-?seed/iu.test(said) ? 'Pre-seed' : /seed|amorçage/iu.test(said) ? 'Seed' : said.toLowerCase();
}
