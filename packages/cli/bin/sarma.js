#!/usr/bin/env node
'use strict';
require('./require-node.js');
require('./start.js')('sarma');
