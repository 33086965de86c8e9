import js from '@eslint/js';

const builtIn = ['AbortController', 'AbortSignal', 'Buffer', 'TextEncoder', 'URL', 'console', 'fetch', 'globalThis', 'performance',
  'process', 'setImmediate', 'setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'];
const globals = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

export default [
  { ignores: ['prebuilds/', 'node_modules/'] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, globals: globals(builtIn) },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_$' }],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['**/*.js'], languageOptions: { sourceType: 'commonjs', globals: globals(['require', 'module']) } },
];
