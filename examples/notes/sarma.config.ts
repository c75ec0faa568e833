import { defineConfig } from 'sarma';

export default defineConfig({
  releases: {
    notes: {
      applications: { notes: 'permanent' },
    },
  },
});
