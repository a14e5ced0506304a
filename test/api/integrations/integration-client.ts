import { VENDOR_PLUGIN } from '../../support/vendor-plugin.ts';
import { startTestServer, type TestServer, type TestServerOptions } from '../server-harness.ts';
import type { WorkspaceClient } from '../workspace-client.ts';

/** An `Integration`, or a typed error: what is not of the one is absent. */
export interface IntegrationResult {
  __typename: string;
  id: string;
  name: string;
  config: Record<string, unknown>;
  hasCredentials: boolean;
  isActive: boolean;
  fallback: { name: string } | null;
  updatedAt: string;
  count: number;
  code: string;
  message: string;
  issues: { path: string[]; message: string }[];
  ok: boolean;
  latencyMs: number;
  sample: string | null;
  error: string | null;
  models: { id: string }[];
}

const ERRORS = '... on Error { code message }';
const ISSUES = '... on InvalidInputError { issues { path message } }';
const INTEGRATION = `... on Integration {
  id name config hasCredentials isActive fallback { name } updatedAt
}`;

const DOCUMENTS = {
  createIntegration: `${INTEGRATION} ${ISSUES}`,
  updateIntegration: `${INTEGRATION} ${ISSUES}`,
  deleteIntegration: '... on Deleted { count }',
  testIntegration: `... on IntegrationTest { ok latencyMs sample error models { id } } ${ISSUES}`,
};

/** Runs one of the mutations of integrations. */
export async function change(
  client: Pick<WorkspaceClient, 'read'>,
  mutation: keyof typeof DOCUMENTS,
  input: object,
): Promise<IntegrationResult> {
  const type = `${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input`;
  const data = await client.read<Record<string, IntegrationResult>>(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename ${DOCUMENTS[mutation]} ${ERRORS} } }`,
    { input },
  );
  return data[mutation] as IntegrationResult;
}

/** Makes an integration of the vendor's. @throws where that is refused */
export async function makeIntegration(
  client: Pick<WorkspaceClient, 'read'>,
  input: { name: string } & Record<string, unknown>,
): Promise<IntegrationResult> {
  const made = await change(client, 'createIntegration', { pluginId: 'vendor', ...input });
  if (made.__typename !== 'Integration') throw new Error(`refused: ${JSON.stringify(made)}`);
  return made;
}

/** A server with the vendor's plugin that may connect to this machine. */
export function startVendorServer(options: TestServerOptions = {}): Promise<TestServer> {
  return startTestServer({
    ...options,
    environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1', ...options.environment },
    plugins: [VENDOR_PLUGIN],
  });
}
