import { certainty, firstMatch, knownFacts, type Rule } from '../finding.ts';

/** Forms of Companies House, https://www.gov.uk/government/collections/companies-house-forms */
const CODE =
  '(?:AA(?:01|02)?|AD0[1-6]|AP0[1-4]|TM0[12]|CH0[1-4]|CS01|SH(?:0[1-9]|1\\d|20)|MR0[1-5]|PSC0[1-9]|NM0[1-6]|DS0[12]|GAZ[12]|IN01|RP04|AR01|LIQ\\d\\d|CERTNM|RESOLUTIONS?|MA)';
const FORMS: readonly (readonly [form: string, pattern: RegExp])[] = [
  ['CS01', /confirmation statement|annual return(?! of (?!\p{Lu}))/iu],
  [
    'AA',
    /(?:annual|full|micro-?entity|abbreviated|abridged|dormant|group|interim|total exemption(?: full)?|unaudited|audited|consolidated|statutory|small company|year-end|medium)[ ](?:company )?accounts(?! (?:team|payable|receivable|manager|department))|accounts (?:made up|for (?:the )?(?:a |year|period|company|\d))|accounts (?:were |have been |has been )?(?:filed|lodged|submitted|delivered)|(?:filed|files|filing|lodged|submitted|submits|delivered)(?: \w+){0,3} accounts(?! (?:team|payable|receivable))/iu,
  ],
  [
    'MR01',
    /(?:registration|creation) of (?:a |new )?(?:fixed |floating )?(?:charge|mortgage)|(?:new |fixed |floating |fixed and floating |outstanding )?charges? (?:was |were |has been |have been |is )?(?:registered|created|delivered|lodged|filed)|register(?:s|ed) (?:a |an |new |another )?(?:fixed |floating |new |legal |first )*(?:charge|debenture|mortgage)|debenture|charge (?:in favou?r of|over|dated|code)/iu,
  ],
  ['MR04', /satisfaction of (?:a |the )?charge|charge (?:was |has been )?(?:fully )?satisfied/iu],
  ['PSC01', /persons? (?:with|of) significant control|(?<![\p{L}])PSCs?(?![\p{L}])/iu],
  [
    'AD01',
    /(?:change of|changed|changes|new|moved|moves) (?:\w+ ){0,3}registered office|registered office(?: address)? (?:was |has been |is |has |changed|moved)/iu,
  ],
  [
    'SH01',
    /(?:allotment|allotted|issue) (?:of )?(?:\d[\d,]* )?(?:\w+ )?shares|statement of capital|return of allotment/iu,
  ],
  [
    'AP01',
    /appointment of .{0,50}(?:as (?:an? )?(?:\w+ )?(?:director|secretary))|director appointed|new director|appointed (?:as )?(?:a )?director/iu,
  ],
  ['TM01', /termination of (?:the )?(?:appointment|office)|director (?:resigned|terminated)|cessation of/iu],
  ['CERTNM', /change of (?:company )?name|certificate of (?:change|incorporation)|changed its name/iu],
  ['DS01', /strik(?:e|ing)[ -]off|first gazette|compulsory strike|gazette notice/iu],
  ['MA', /(?:memorandum|articles) of association|special resolution|written resolution/iu],
];
const FORM_CODE = new RegExp(`(?<![\\p{L}\\p{N}-])(?<code>${CODE})(?![\\p{L}\\p{N}])`, 'u');
/** The register, by one of its names. */
export const REGISTER =
  /(?<![\p{L}])(?:companies house|company house|companies register|the registrar|registrar of companies|filing history|company register|company (?:number|no\.?)|crn|handelsregister|greffe|ch (?:filing|update|alert|record)|on the register|public register|uk register)(?![\p{L}])/iu;
const FILED =
  /(?<![\p{L}])(?:incorporat(?:ed|ion)|set up|dissol\w+|extend(?:ed|s)|fil(?:ed|es)|filing(?! (?:cabinet|deadline|system|tray|fee|error))|lodg(?:ed|es)|submit(?:ted|s)|register(?:ed|s)|registration of|deliver(?:ed|s)|post(?:ed|s)|record(?:ed|s)|publish(?:ed|es)|appear(?:ed|s)|notif(?:ied|ies|ication)|made up to|dated|received|shows?|listed|appoint(?:ed|ment)|resign(?:ed|s)|termination|cessation|ceased|allotted|allotment|changed|new|updated|accepted|processed|satisfied|eingetragen|eingereicht|déposé)(?![\p{L}])/iu;
/** Duties, other registers, furniture, and codes of other things. */
export const NO_FILING =
  /(?<![\p{L}])(?:must|should|need(?:s)? to|has to|have to|had to|ha[sd] yet to|yet to|deadline|due (?:by|on|date|in|before)|overdue|is late|are late|remind(?:er|s)?|don['’]t forget|remember to|how (?:do|to|can|should)|cabinets?|patents?|trade ?marks?|tax returns?|vat returns?|payroll|10-[kq]|8-k|sec filings?|edgar|s-1|bug|tickets?|lawsuits?|court|insurance claims?|templates?|nail|file format|file upload|service charge|delivery charge|charge (?:cable|point|card|the)|(?:charged|charge) (?:twice|me|us|him|her|you)|battery|error code|aisle|(?:bays?|shelf|shelves|pallets?|gate|room|rack|lane|label|carton|sku|part (?:no|number)) \p{Lu}{2}\d\d|feature|field|dropdown|api|endpoint|parser|parse[sd]?|import(?:er|ed|s)?|test case|guidance|penalt(?:y|ies) for|training|webinar|help(?:s|ing)? (?:you|clients|companies)|we file|our accountants? file[sd]?|our own|form designer)(?![\p{L}])/iu;
const DATE =
  /(?<!\d)(?:\d{1,2}[ ./-](?:\d{1,2}|\p{L}{3,9})[ ./-](?:20)?\d\d|20\d\d-\d\d-\d\d|(?:\d{1,2} )?(?:january|february|march|april|may|june|july|august|september|october|november|december)(?: \d{1,2})?(?:,? 20\d\d)?)(?!\d)/iu;

/** A form of the register, by its code or its name, and words of filing or the register itself. */
export const registerFilings: Rule = (sentence, { before }) => {
  if (NO_FILING.test(sentence)) return [];
  const code = firstMatch(FORM_CODE, sentence);
  const named = namedForm(sentence);
  const isRegister = REGISTER.test(sentence) || REGISTER.test(before);
  const filed = firstMatch(FILED, sentence);
  const hasDate = DATE.test(sentence);
  const isLongCode = code !== null && /\d/u.test(code.groups.code ?? '');
  const isTold =
    (isLongCode &&
      (named !== null ||
        isRegister ||
        hasDate ||
        /^\W*(?:[Ff]orm )?\p{Lu}{2,3}\d\d ?[:–—-]/u.test(sentence) ||
        filed !== null ||
        /fil(?:ed|ing)|lodged|form/iu.test(sentence))) ||
    (named !== null && /^(?:DS01|MR04)$/u.test(named.form)) ||
    (named !== null && (isRegister || (filed !== null && (hasDate || named.isOfRegister || isFiling(sentence))))) ||
    (REGISTER.test(sentence) &&
      filed !== null &&
      /(?<![\p{L}])(?:fil(?:ed|ing|ings|es)|lodged|submitted|registered|incorporat(?:ed|ion)|dissolv\w+|new person|shareholders?|appointed|resigned|accounts|shares|charge|document|documents|eingetragen|déposé)(?![\p{L}])/iu.test(
        sentence,
      ));
  if (!isTold) return [];
  const place = code ?? named ?? filed;
  const facts = knownFacts({
    form: code?.groups.code ?? named?.form,
    description: named === null ? null : sentence.slice(named.start, named.end),
  });
  const sure = certainty(58, [isLongCode, 14], [named !== null, 10], [isRegister, 12], [hasDate, 4]);
  return [
    {
      type: 'COMPANIES_HOUSE_FILING',
      facts,
      start: place?.start ?? 0,
      end: place?.end ?? 1,
      certainty: sure,
      allows: ['policy', 'sells'],
    },
  ];
};

function isFiling(sentence: string): boolean {
  return /(?<![\p{L}])(?:fil(?:ed|es|ing)|lodg(?:ed|es)|submitted|delivered|registered|notified)(?![\p{L}])/iu.test(
    sentence,
  );
}

function namedForm(sentence: string): { form: string; start: number; end: number; isOfRegister: boolean } | null {
  for (const [form, pattern] of FORMS) {
    const found = firstMatch(pattern, sentence);
    // "Director appointed" and "change of name" are said elsewhere too.
    if (found !== null)
      return { form, start: found.start, end: found.end, isOfRegister: !/^(?:AP01|CERTNM|TM01|AD01)$/u.test(form) };
  }
  return null;
}
