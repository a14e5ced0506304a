import { certainty, firstMatch, knownFacts, type Match, type Rule } from '../finding.ts';
import { NAME, NO_NAME } from '../vocabulary.ts';

/** Products that companies buy or build on. Case tells them from words. */
export const PRODUCTS =
  '(?:SAP(?: S/4 ?HANA| HANA| Business One| Ariba| SuccessFactors| EWM| Commerce)?|S/4 ?HANA|Oracle(?: Cloud| NetSuite| Fusion| ERP)?|NetSuite|(?:Microsoft )?Dynamics(?: 365)?|Microsoft (?:Azure|Fabric|Teams|365|Copilot|Power BI|Intune|Sentinel)|Power BI|Azure(?: [A-Z]\\w+)?|AWS|Amazon (?:Web Services|Redshift|Bedrock|Connect)|Google (?:Cloud(?: Platform)?|Workspace|BigQuery|Kubernetes Engine|Vertex)|GCP|BigQuery|Redshift|Snowflake|Databricks|dbt|Fivetran|Airbyte|Airflow|Looker|Tableau|Qlik(?: Sense)?|Segment|Amplitude|Mixpanel|Braze|Klaviyo|Mailchimp|Salesforce(?: \\w+ Cloud)?|HubSpot|Pipedrive|Zoho(?: \\w+)?|Zendesk|Intercom|Freshdesk|Gorgias|ServiceNow|Jira(?: Service Management)?|Confluence|Asana|Monday\\.com|Notion|ClickUp|Slack|Zoom|Okta|Auth0|CrowdStrike|Zscaler|Cloudflare|Datadog|New Relic|Splunk|Grafana|Prometheus|PagerDuty|Kubernetes|Docker|OpenShift|Terraform|Ansible|Kafka|Confluent|RabbitMQ|Postgres(?:QL)?|MongoDB(?: Atlas)?|Redis|Elastic(?:search)?|ClickHouse|Cassandra|DynamoDB|GitHub(?: Actions| Copilot| Enterprise)?|GitLab(?: CI)?|Bitbucket|Jenkins|CircleCI|ArgoCD|Vercel|Netlify|Heroku|Shopify(?: Plus)?|Magento|Adobe (?:Commerce|Experience Manager|Analytics)|BigCommerce|commercetools|WooCommerce|Contentful|Sanity|WordPress|Drupal|Stripe|Adyen|Klarna|GoCardless|Xero|QuickBooks|Sage(?: Intacct| 200| 50)?|Workday|BambooHR|Personio|Rippling|HiBob|ADP|Deel|Greenhouse|Coupa|Anaplan|Pigment|UiPath|Automation Anywhere|Blue Prism|Zapier|MuleSoft|Boomi|Celigo|Twilio|SendGrid|OpenAI|ChatGPT(?: Enterprise)?|Claude|Gemini|Copilot|Mistral|Llama|Pinecone|LangChain|Manhattan(?: WMS| Active)?|Blue Yonder|Körber|Infor(?: \\w+)?|Epicor|IFS|Odoo|Unit4|Acumatica|Samsara|Geotab|Descartes|project44|FourKites|Transporeon|AutoStore|Ocado Smart Platform|Genesys|Five9|Talkdesk|Veeva|Epic|Cerner|Procore|Autodesk|Siemens Teamcenter|Teamcenter|Windchill|Rockwell|Figma|Miro|Canva|Airtable|Retool|Temporal|Cisco|Palo Alto(?: Networks)?|Fortinet|SentinelOne|Wiz|Snyk|Vault|VMware|Nutanix|Veeam|Rubrik|Cohesity|NVIDIA|React(?: Native)?|Flutter|TypeScript|Rust|Golang|GraphQL|Spark|Flink|Tensorflow|PyTorch|DATEV|TeamViewer|Celonis|Temenos|Mambu|Guidewire|Thought Machine|nCino|Marketo|Pardot|Eloqua|Outreach|Salesloft|Gong|ZoomInfo|Clari|Optimizely|LaunchDarkly|Algolia)';
/** Kinds of systems, where no product is named. */
const SYSTEMS =
  '(?:(?:erp|crm|wms|tms|mes|plm|hris|hcm|ats|cms|cdp|pim|epos|pos|eam|cmms|rpa|sd-wan|siem|mdm|sso|mfa|edi|tms)(?: (?:system|platform|software|suite|solution|stack))?|data (?:warehouse|lake(?:house)?|platform|mesh|catalogue)|lakehouse|(?:warehouse|transport|order|inventory|fleet|customer data|identity|learning|content|yard|dock|document|expense|payroll|treasury|device|patient|practice|case)(?: [a-z]+)? (?:management|booking|scheduling)? ?(?:system|platform|software|tool)|business intelligence|(?:generative|conversational|agentic|predictive) ai|ai[- ](?:assistants?|agents?|copilots?|chatbots?|platform|powered \\w+|based \\w+|driven \\w+|tools?|forecasting|models?)|machine[- ]learning|large language models?|chatbots?|digital twins?|(?:private )?5g|autonomous mobile robots|amrs?|(?:warehouse |picking |delivery |mobile )?robots|drones|artificial intelligence|robotics|robotic process automation|zero[- ]trust|multi-factor authentication|passkeys|telematics|e-?commerce platform|payments? platform|contact cent(?:re|er) (?:platform|software)|helpdesk|ticketing system|cloud(?:-native| native)?(?: \\w+)? (?:platform|infrastructure|erp|crm|wms|telephony|storage|software|based \\w+)|public cloud|the cloud|hybrid cloud|microservices|kubernetes|serverless|event streaming|blockchain|rfid|iot(?: sensors| platform)?|electronic (?:health|patient) records?|e-?invoicing|e-?signatures?|core banking(?: \\w+)?|low-code|no-code|observability|marketing automation|sales automation|automation (?:platform|software|system)|electronic proof of delivery|automated storage|open banking|voice picking|pick-by-voice|lagerverwaltung\\w*|warenwirtschaft\\w*|logiciel \\w+|progiciel)';
const ADOPTS =
  "runs? on|running on|relies on|uses|(?:is|are) using|is built on|powered by|went for|plump(?:s|ed) for|go(?:es)? for|chang(?:es|ed|ing) (?:over )?to|swap(?:s|ped)? to|port(?:s|ed|ing) [^.;!?]{0,45}?to|add(?:s|ed) [^.;!?]{0,30}?to its (?:stack|tech)|adopt(?:s|ed|ing|ion of)?|roll(?:s|ed|ing)? out|roll-?out of|rollout of|deploy(?:s|ed|ing|ment of)?|implement(?:s|ed|ing|ation of)?|migrat(?:e|es|ed|ing|ion)|mov(?:e|es|ed|ing) [^.;!?]{0,45}?(?:to|onto|into|over to)|mov(?:e|es|ed|ing) (?:to|onto|over to)|switch(?:es|ed|ing)?(?: over)?|transition(?:s|ed|ing)?|shift(?:s|ed|ing)?|standardi[sz](?:e|es|ed|ing)(?: on)?|(?:go(?:es|ing)?|went|gone|is|are|now) live (?:with|on)|go-?live (?:of|with|on)|cut(?:s|ting)? over|select(?:s|ed|ing)|chos(?:e|en)|chooses|choosing|pick(?:s|ed)|opt(?:s|ed|ing) for|settl(?:es|ed|ing) on|decid(?:es|ed) on|introduc(?:es|ed|ing)|introduction of|invest(?:s|ed|ing)? [^.;!?]{0,30}?in|investment in|upgrad(?:e|es|ed|ing)|replac(?:es|ed|ing)|embrac(?:es|ed|ing)|install(?:s|ed|ing|ation of)?|sign(?:s|ed|ing)?(?: [^.;!?]{0,40}?)? (?:with|for|on|up)|now (?:uses?|using|runs?|running|on|works?)|start(?:s|ed|ing)? (?:using|to use|with|on|rolling out|working with)|began using|begun using|consolidat(?:es|ed|ing)|re-?platform(?:s|ed|ing)?|bought|buys|buying|purchas(?:es|ed|ing)|procur(?:es|ed|ing)|licen[cs](?:es|ed)|pilot(?:s|ed|ing)|trial(?:s|led|ling)|bets? on|betting on|partner(?:s|ed|ing)? with|launch(?:es|ed|ing)?|moderni[sz](?:es|ed|ing)|went with|going with|goes with|kick(?:s|ed|ing)? off|award(?:s|ed)|equip(?:s|ped|ping)?|has been running on|onboard(?:s|ed|ing)|fit(?:s|ted|ting)? out|build(?:s|ing)? (?:its|their|a|an|out)|built (?:its|their) new|brings? in|brought in|put(?:s|ting)?|rebuil(?:t|ds|ding) [^.;!?]{0,40}?on|re-?architect(?:ed|ing) [^.;!?]{0,40}?(?:on|around)|mak(?:es|ing) the (?:move|switch|jump) to|made the (?:move|switch|jump) to|turn(?:s|ed|ing) to|subscrib(?:es|ed) to|integrat(?:es|ed|ing)|us(?:es|ing) now|führt|eingeführt|einführung|setzt|stellt|umgestellt|migriert|wechselt|umstieg|entscheidet|nutzt künftig|adopté?|déploie|déployé|déploiement|passe|bascule|choisit|choisi|s['’]équipe|met en place|migre";
const AFTERWARDS =
  '(?:roll-?out|implementation|migration|deployment|go-?live|adoption|cutover|project|programme|program|instance|tenant|licen[cs]es|pilot|rollout|einführung|estate|cluster)';
const FAR = '[^.;!?]{0,70}?';
const ADOPTED = new RegExp(
  `(?<![\\p{L}-])(?<verb>(?i:${ADOPTS}))(?![\\p{L}])${FAR}(?<![\\p{L}\\p{N}])(?<tech>${PRODUCTS}|${NAME})(?![\\p{L}\\p{N}])`,
  'gu',
);
const FINISH =
  '(?:up and running|in (?:production|place|use|operation)|operational|switched on|begins?|began|starts?|started|kick(?:s|ed) off|under ?way|live|complete[sd]?|finish(?:es|ed)|is on track|in progress|goes in|going in|coming in|arriv\\w+|being (?:rolled out|implemented|installed|deployed|introduced|migrated)|rolled out|rolls out|in flight|on the way|next (?:month|quarter|year|week)|went live|goes live|scheduled|signed|approved|(?:was|were|is being|are being|has been|have been|will be|is|are) (?:installed|fitted|integrated|purchased|bought|ordered|launched|completed|migrated|connected|picked|set up|switched on)|has been (?:rolled out|deployed|adopted|chosen|selected|implemented|introduced)|was (?:rolled out|deployed|adopted|chosen|selected|implemented|introduced)|wins|won)';
const PROJECT = new RegExp(
  `(?<![\\p{L}])(?<tech>${PRODUCTS})(?![\\p{L}])(?:[^.;!?]{0,25}? (?i:${AFTERWARDS}))?(?![\\p{L}])[^.;!?]{0,40}?(?<![\\p{L}])(?<verb>(?i:${FINISH}))(?![\\p{L}])`,
  'u',
);
const NEW_SYSTEM = new RegExp(
  `(?<![\\p{L}])(?:[Nn]ew|[Nn]eue[sr]?|[Nn]ouve(?:au|l|lle)) (?<tech>(?:\\p{L}+ ){0,2}?(?:ERP|CRM|WMS|TMS|MES|HRIS|CMS|system|platform|software))(?![\\p{L}])[^.;!?]{0,40}?(?<![\\p{L}])(?<verb>(?i:${FINISH}))(?![\\p{L}])`,
  'u',
);
const A_PROJECT = new RegExp(`(?<![\\p{L}])(?<tech>${PRODUCTS}) (?<verb>(?i:${AFTERWARDS}))(?![\\p{L}])`, 'u');
const SYSTEM_ADOPTED = new RegExp(
  `(?<![\\p{L}-])(?<verb>(?i:${ADOPTS}))(?![\\p{L}])${FAR}(?<![\\p{L}\\p{N}])(?<tech>${SYSTEMS})(?![\\p{L}\\p{N}])`,
  'iu',
);
const REPLACED_BY = new RegExp(
  `(?<![\\p{L}])(?<verb>replac(?:es|ed|ing)|swap(?:s|ped|ping)(?: out)?|retir(?:es|ed|ing)|ditch(?:es|ed|ing)|rip(?:s|ped|ping) out|dropp?(?:s|ed|ing)|phas(?:es|ed|ing) out|sunset(?:s|ting)?)(?![\\p{L}])[^.;!?]{0,80}?(?:with|for|by|in favou?r of|and moving to) (?:an? |the )?[^.;!?]{0,30}?(?<tech>${PRODUCTS}|${SYSTEMS})(?![\\p{L}])`,
  'u',
);
/** `switched from Jenkins to GitHub Actions`: what follows the second preposition. */
const FROM_TO = new RegExp(
  `(?<![\\p{L}-])(?<verb>(?i:switch|mov|migrat|transition|shift|chang|convert|port|go|went|graduat|swapp|upgrad|step|jump)\\p{L}*)(?![\\p{L}])[^.;!?]{0,60}?(?<![\\p{L}])(?i:from|off) [^.;!?]{1,60}? (?i:to|onto|over to|into) (?:an? |the )?(?<tech>${PRODUCTS}|${SYSTEMS})(?![\\p{L}\\p{N}])`,
  'u',
);
const IS_PRODUCT = new RegExp(`^${PRODUCTS}$`, 'u');
/** Says of an unknown name that it is a system. */
const SYSTEM_NOUN =
  /^(?:['’]s)?(?: [\p{L}-]+){0,3} (?:platform|software|system|suite|cloud|tool|crm|erp|wms|tms|database|stack|solution|robots|scanners|analytics|module|app)(?![\p{L}])|^ (?:as|for) (?:its|their|our|all|the) /iu;
/** Verbs that only computers' things are done with. */
const TECHNICAL_VERB =
  /^(?:migrat|deploy|implement|roll|go|went|gone|cut|re-?platform|standardi|adopt|onboard|führt|setzt|stellt|migriert|déploi)/iu;
/** They tell what is, not what changes. */
const STATE_VERB = /^(?:runs? on|running on|relies on|uses|(?:is|are) using|is built|powered)/iu;
/** Verbs of many things: they need a known product or system. */
export const DEV_TALK =
  /(?<![\p{L}])(?:error|fails?|failed|failing|crash\w*|bugs?|exception|broken|stack ?trace|regression|workaround|timeout|deprecat\w+|v?\d+\.\d+\.\d+|npm|pip|yarn|dropdown|drop-down|checkbox|menu|button|click\w*|csv|log ?in (?:with|via)|sign ?in with|please add|add support|support for|feature request|would be (?:nice|great)|pull request|\bPR\b|unit tests?|refactor\w*|changelog|readme|packages?|components?|librar(?:y|ies)|repo|repository|pre-release|localhost|\bapi\b|docs|tutorial|plugin|webhook|import (?:file|from)|export (?:to|as|file))(?![\p{L}])/iu;
export const RESULTS =
  /(?<![\p{L}])(?:integration (?:with|between|to)|connector|compatible with|works with|conference|summit|webinar|certified|certification|partner of the year|reseller|stock|shares|course|book|t-?shirts?|dogs?|cats?|puppy|mascot|stickers?|mugs?)(?![\p{L}])/iu;

/** "Install Copilot": somebody is told to. */
const ORDER =
  /^\W*(?:please )?(?:install|deploy|migrate|select|choose|implement|adopt|upgrade|introduce|integrate|switch|use|replace|pick|move|roll) (?!of)/iu;

/** A technology and words that say that the company takes it into use. */
export const technologies: Rule = (sentence, context) => {
  if (DEV_TALK.test(sentence) || RESULTS.test(sentence) || ORDER.test(sentence)) return [];
  // Notes begin with the verb: "Signed with Workday".
  const lowered = sentence.charAt(0).toLowerCase() + sentence.slice(1);
  const found = replaced(lowered) ?? adopted(lowered) ?? project(sentence) ?? system(sentence);
  if (found === null) return [];
  const isCompetitor = context.competitors.some((name) => name.toLowerCase() === found.tech.toLowerCase());
  return isCompetitor ? [] : [matchOf(found)];
};

interface Adoption {
  tech: string;
  verb: string;
  start: number;
  certainty: number;
}

function matchOf({ tech, verb, start, certainty: sure }: Adoption): Match {
  return {
    type: 'TECHNOLOGY_ADOPTION',
    facts: knownFacts({ technology: tech.replace(/^(?:its|their|a|an|the|new) /iu, '') }),
    start,
    end: start + verb.length,
    certainty: sure,
  };
}

function replaced(sentence: string): Adoption | null {
  const found = firstMatch(REPLACED_BY, sentence) ?? firstMatch(FROM_TO, sentence);
  return found === null ? null : { ...said(found), certainty: 74 };
}

function adopted(sentence: string): Adoption | null {
  let unknown: Adoption | null = null;
  for (const pattern of [ADOPTED, ADOPTED_PRODUCT]) {
    for (const found of sentence.matchAll(pattern)) {
      const { verb = '', tech = '' } = found.groups ?? {};
      const start = found.index;
      const isFrom = /(?:from|away from|off|instead of|than|leaving|like|such as|e\.g\.|including)\s*$/iu.test(
        sentence.slice(0, start + found[0].length - tech.length),
      );
      if (isFrom) continue;
      if (IS_PRODUCT.test(tech)) {
        return {
          tech,
          verb,
          start,
          certainty: certainty(
            70,
            [TECHNICAL_VERB.test(verb), 10],
            [/\d/u.test(sentence), 3],
            [STATE_VERB.test(verb), -14],
          ),
        };
      }
      const after = sentence.slice(start + found[0].length);
      const isSystem = SYSTEM_NOUN.test(after) || /(?:platform|software|suite|cloud|crm|erp|wms|tms|db)$/iu.test(tech);
      const gap = found[0].length - verb.length - tech.length;
      if (isSystem && TECHNICAL_VERB.test(verb) && gap < 30 && !NO_NAME.test(tech))
        unknown ??= { tech, verb, start, certainty: 58 };
    }
  }
  return unknown;
}
const ADOPTED_PRODUCT = new RegExp(
  `(?<![\\p{L}-])(?<verb>(?i:${ADOPTS}))(?![\\p{L}])${FAR}(?<![\\p{L}\\p{N}])(?<tech>${PRODUCTS})(?![\\p{L}\\p{N}])`,
  'gu',
);

function project(sentence: string): Adoption | null {
  const found = firstMatch(PROJECT, sentence) ?? firstMatch(NEW_SYSTEM, sentence) ?? firstMatch(A_PROJECT, sentence);
  return found === null ? null : { ...said(found), certainty: 66 };
}

function system(sentence: string): Adoption | null {
  const found = firstMatch(SYSTEM_ADOPTED, sentence);
  if (found === null) return null;
  const { verb = '' } = found.groups;
  const isNew =
    /(?<![\p{L}])(?:new|first|across|all|its|their|our|company-wide|group-wide|neue[sn]?|nouveau)(?![\p{L}])/iu.test(
      sentence,
    );
  const isWeak = /^(?:launch|build|partner|sign|award|pick|replac|bets|bring|brought|mov|shift|integrat)/iu.test(verb);
  return { ...said(found), certainty: certainty(58, [TECHNICAL_VERB.test(verb), 8], [isNew, 6], [isWeak, -10]) };
}

function said({
  start,
  groups,
}: {
  start: number;
  groups: Readonly<Record<string, string | undefined>>;
}): Omit<Adoption, 'certainty'> {
  return { start, verb: groups.verb ?? '', tech: groups.tech ?? '' };
}
