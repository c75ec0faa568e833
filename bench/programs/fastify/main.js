const fastify = require('fastify')();
fastify.get('/', () => ({ hello: 'world' }));
fastify.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
