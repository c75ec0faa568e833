#!/usr/bin/env node
'use strict';
// `wrap` is `sarma wrap`.
require('./require-node.js');
require('./start.js')('wrap');
