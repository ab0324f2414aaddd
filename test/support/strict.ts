/** True where a test that cannot run has failed: in CI, with ENGINEHOUSE_STRICT=1. */
export const isStrict = process.env['ENGINEHOUSE_STRICT'] === '1';
