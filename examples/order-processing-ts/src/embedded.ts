/** The engine in this process: nothing else to run. Everything is in one file, `orders.db`. */

import { OrderWorkflow } from './order.js'
import { services } from './services.js'
import { processOrders } from './shop.js'

const env = services()
const workflow = new OrderWorkflow({ store: 'orders.db', env })
await processOrders(workflow, env)
await workflow.close()
