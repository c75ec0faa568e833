import { defineConfig } from 'sarma';

/** Where its versions are published, for those who publish some. */
const url = process.env.NOTES_URL;

export default defineConfig({
  releases: {
    notes: {
      applications: { notes: 'permanent' },
    },
  },
  ...(url && { publish: { url }, update: { publicKey: 'release.pub' } }),
});
