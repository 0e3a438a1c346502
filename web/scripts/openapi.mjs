// Holds docs/openapi.json against the OpenAPI specification and its own word: every reference leads
// somewhere, every example fits its schema, every failure is a problem (RFC 9457). The checking is
// Redocly's; this names the rules. OPENAPI=path checks another document.
import { createConfig, formatProblems, lint } from '@redocly/openapi-core';

const DOCUMENT = process.env.OPENAPI ?? '../docs/openapi.json';
const RULES = {
  'no-invalid-parameter-examples': 'error',
  'no-invalid-schema-examples': 'error',
  'no-required-schema-properties-undefined': 'error',
  'operation-4xx-problem-details-rfc7807': 'error',
  'operation-tag-defined': 'error',
  'spec-strict-refs': 'error',
  // The names of the groups say what they hold.
  'tag-description': 'off',
};

const config = await createConfig({ extends: ['recommended-strict'], rules: RULES });
const problems = await lint({ ref: DOCUMENT, config });
const errors = problems.filter(({ severity }) => severity === 'error').length;
formatProblems(problems, { totals: { errors, warnings: problems.length - errors, ignored: 0 } });
console.log(`${DOCUMENT}: ${problems.length === 0 ? 'nothing to object to' : `${problems.length} objections`}`);
process.exit(problems.length > 0 ? 1 : 0);
