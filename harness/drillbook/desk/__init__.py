"""The desk: where whoever is on call acts in a drill, be it a human at a terminal or an agent.

In the drill's worker `responder.DeskResponder` takes orders, and writes into the journal what is done; it
never knows the fault, and nothing that is said here changes what the oracle finds. From outside,
`client.DeskClient` gives orders:

    async with await DeskClient.connect(run_dir, deadline_s=60.0) as desk:
        await desk.order("ack")
        done = await desk.order("run", command="railway status")   # exit_code, seconds, stdout, stderr, …
        print(done["text"])                                        # what a person would read

Its socket is `desk.sock` in the drill's run directory, with mode 0600: who may open it may give orders. It is
there while the drill responds, and gone afterwards. Each order is a line of JSON such as
`{"id": 1, "order": "run", "command": "railway status"}`, and each is answered by a line with the same `id`,
whether it was carried out (`ok`), what a person would read (`text`), and what `responder.ORDERS` says of it.
A drill has a desk where its responder (`schedule.Options.responder`) is one of `spec.AT_THE_DESK`.
"""
