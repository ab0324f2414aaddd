import { application } from './src/application.ts';

export default application({ tariffs: process.env['TARIFFS_URL'] ?? 'http://127.0.0.1:4300' });
